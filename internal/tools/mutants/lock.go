package main

var lockMutants = []mutant{
	{
		Name: "LockContext locks although the context has ended",
		File: "lock/lock.go",
		Func: "Lock.LockContext",
		Old:  "ctx.Err() != nil || $rest",
		New:  "$rest",
	},
	{
		Name: "an entry whose last waiter gives up stays",
		File: "lock/mappart.go",
		Func: "part.wait",
		Old:  "if e.users--; e.users == 0 { $*gone }",
		New:  "if e.users--; false { $*gone }",
		Tags: "threadingexplore",
	},
	{
		Name: "an entry goes although a waiter uses it",
		File: "lock/mappart.go",
		Func: "part.leave",
		Old:  "e.users > 1",
		New:  "e.users > 2",
		Tags: "threadingexplore",
	},
	{
		Name: "an entry that its waiter found unlocked is used for another key",
		File: "lock/mappart.go",
		Func: "part.wait",
		Old:  "_ = e.lock.gate.TryAcquire(locked)",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "a key that a woken waiter has not taken yet can be unlocked",
		File: "lock/mappart.go",
		Func: "part.leave",
		Old:  "e.lock.gate.Value() == locked",
		New:  "true",
	},
	{
		Name: "one that gives up a try is a user",
		File: "lock/mappart.go",
		Func: "part.enter",
		Old:  "acquired || patient",
		New:  "true",
	},
	{
		Name: "a context that panics is a user of its key",
		File: "lock/map.go",
		Func: "Map.LockContext",
		Old: `limit := park.Until(ctx)
if e, acquired := $enter; !acquired && !p.wait(e, limit) { $*gaveUp }`,
		New: "if e, acquired := $enter; !acquired && !p.wait(e, park.Until(ctx)) { $*gaveUp }",
	},
	{
		Name: "a million keys leave their buckets",
		File: "lock/maptable.go",
		Func: "table.remove",
		Old:  "t.count < len(t.buckets)/8",
		New:  "false",
	},
	{
		Name: "a key is kept when it is locked no more",
		File: "lock/mappart.go",
		Func: "part.remove",
		Old:  "e.key, e.next = zero, p.spare",
		New: `_ = zero
e.next = p.spare`,
	},
	{
		Name: "two keys of one hash are one key",
		File: "lock/maptable.go",
		Func: "table.find",
		Old:  "e.hash != hash || e.key != k",
		New:  "e.hash != hash",
	},
	{
		Name: "integers that are multiples of a large number are all in one part",
		File: "lock/mapspread.go",
		Func: "Map.part",
		Old:  "hash = high ^ low",
		New:  "hash = high*0 + low",
	},
}
