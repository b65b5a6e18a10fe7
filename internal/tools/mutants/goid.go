package main

var goidMutants = []mutant{
	{
		Name: "an id that is wrong is trusted",
		File: "internal/goid/goid.go",
		Func: "holds",
		Old: `if uint64(fast()) != Certain() {
	return false
}`,
		New: "",
	},
	{
		Name: "the goroutine of a coroutine is taken for itself",
		File: "internal/goid/follower.go",
		Func: "Follower.Begin",
		Old:  "atomic.AddUint32(&marks[f.own%buckets], following)",
		New:  "",
	},
	{
		Name: "a coroutine that has ended leaves a mark",
		File: "internal/goid/follower.go",
		Func: "Follower.End",
		Old:  "atomic.AddUint32(&marks[f.own%buckets], ^(following - 1))",
		New:  "",
	},
	{
		Name: "a bystander is taken for the first follower it meets",
		File: "internal/goid/follower.go",
		Func: "shard.find",
		Old:  "f == nil || f.own == id",
		New:  "true",
	},
	{
		Name: "a slot is emptied though others are behind it",
		File: "internal/goid/follower.go",
		Func: "shard.remove",
		Old: `if t[(i+1)&t.mask()].Load() != nil {
	return
}`,
		New: "",
	},
	{
		Name: "a table that has grown has forgotten who was there",
		File: "internal/goid/follower.go",
		Func: "shard.grow",
		Old:  "t.put(f)",
		New:  "",
	},
	{
		Name: "slots of those who have gone are never empty again",
		File: "internal/goid/follower.go",
		Func: "shard.remove",
		Old:  "t[i].Store(nil)",
		New:  "break",
	},
}
