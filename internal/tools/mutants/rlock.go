package main

var rlockMutants = []mutant{
	{
		Name: "an RLock forgets its depth",
		File: "rlock/rlock.go",
		Func: "RLock.Unlock",
		Old: `if r.again > 0 {
	r.again--
	return
}`,
		New: "",
	},
	{
		Name: "an RLock lets strangers unlock",
		File: "rlock/rlock.go",
		Func: "RLock.Unlock",
		Old:  "if owner != id { panic(ErrNotOwner) }",
		New:  "id = owner",
	},
	{
		Name: "LockDepth is one short",
		File: "rlock/rlock.go",
		Func: "RLock.LockDepth",
		Old:  "r.again = depth - 1",
		New:  "r.again = depth - 2",
	},
	{
		Name: "a level beyond the largest number is none",
		File: "rlock/rlock.go",
		Func: "RLock.deeper",
		Old:  "r.again > math.MaxInt-1-n",
		New:  "r.again > math.MaxInt",
	},
	{
		Name: "an owner goes deeper although the context has ended",
		File: "rlock/rlock.go",
		Func: "RLock.LockContext",
		Old:  "ctx.Err() != nil || $rest",
		New:  "$rest",
	},
}
