package main

// The breaks, a file for each package. Those with the tag threadingexplore are interleavings that hardly ever happen by
// themselves.
var mutants = [][]mutant{
	parkMutants,
	goidMutants,
	lockMutants,
	rlockMutants,
	rwlockMutants,
	semaphoreMutants,
	eventMutants,
	conditionMutants,
	barrierMutants,
	waitgroupMutants,
	timerMutants,
	schedMutants,
	threadMutants,
	queueMutants,
	poolMutants,
	coroutineMutants,
	greenletMutants,
	selectorsMutants,
	socketserverMutants,
	workerMutants,
	shmMutants,
	processMutants,
	managerMutants,
	clusterMutants,
	watchMutants,
}
