package main

var semaphoreMutants = []mutant{
	{
		Name: "a bounded semaphore does not refuse a release too many",
		File: "semaphore/bounded.go",
		Func: "BoundedSemaphore.TryRelease",
		Old:  "b.permits.Release(1)",
		New:  "b.permits.Release(1) || true",
	},
	{
		Name:    "while permits are withdrawn, there are more than any",
		File:    "internal/park/permits.go",
		Func:    "BoundedPermits.Value",
		Old:     "if out > bound { $*body }",
		New:     "",
		Package: "semaphore",
	},
	{
		Name: "more is asked for than the bound, and waits",
		File: "semaphore/bounded.go",
		Func: "BoundedSemaphore.wanted",
		Old:  "int(b.permits.Bound())",
		New:  "maxValue",
	},
	{
		Name: "a value that is being taken back is seen",
		File: "semaphore/semaphore.go",
		Func: "Semaphore.Value",
		Old:  "min(s.permits.Value(), maxValue)",
		New:  "s.permits.Value()",
	},
	{
		Name: "AcquireContext takes a permit although the context has ended",
		File: "semaphore/semaphore.go",
		Func: "Semaphore.acquireContext",
		Old:  "ctx.Err() != nil || $rest",
		New:  "$rest",
	},
	{
		Name:    "a newcomer takes what is kept for a starving waiter",
		File:    "internal/park/permits.go",
		Func:    "Permits.TryAcquire",
		Old:     "old>>valueShift < n || old&starving != 0",
		New:     "old>>valueShift < n",
		Package: "semaphore",
	},
}
