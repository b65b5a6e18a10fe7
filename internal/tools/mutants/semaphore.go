package main

var semaphoreMutants = []mutant{
	{
		Name: "a bounded semaphore does not refuse a release too many",
		File: "semaphore/bounded.go",
		Func: "BoundedSemaphore.TryRelease",
		Old:  "b.permits.Release(1)",
		New:  "b.permits.Release(1) || true",
	},
}
