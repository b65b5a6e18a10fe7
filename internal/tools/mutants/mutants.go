package main

// The breaks, a file for each package. Those with the tag threadingexplore are interleavings that hardly ever happen by
// themselves.
var mutants = [][]mutant{
	parkMutants, goidMutants,
	lockMutants, rlockMutants, semaphoreMutants, eventMutants, conditionMutants, barrierMutants,
	timerMutants, threadMutants, queueMutants, poolMutants, coroutineMutants, greenletMutants,
}
