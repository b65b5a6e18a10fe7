package main

var lockMutants = []mutant{
	{
		Name: "LockContext locks although the context has ended",
		File: "lock/lock.go",
		Func: "Lock.LockContext",
		Old:  "ctx.Err() != nil || $rest",
		New:  "$rest",
	},
}
