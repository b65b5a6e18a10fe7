package main

var semaphoreMutants = []mutant{
	{
		Name: "a bounded semaphore can grow",
		File: "semaphore/bounded.go",
		Func: "BoundedSemaphore.TryRelease",
		Old:  "b.gate.Add(1, uint64(b.bound))",
		New:  "b.gate.Add(1, maxValue)",
	},
}
