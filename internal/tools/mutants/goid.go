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
		Name: "a bystander is taken for the first that it meets",
		File: "internal/goid/table.go",
		Func: "Table.Find",
		Old:  "s[i].id.Load()",
		New:  "min(id, s[i].id.Load())",
	},
	{
		Name: "a slot is emptied though others are behind it",
		File: "internal/goid/table.go",
		Func: "Table.Remove",
		Old: `if all[(i+1)&all.mask()].id.Load() != empty {
	return
}`,
		New: "",
	},
	{
		Name: "a table that has grown has forgotten what was there",
		File: "internal/goid/table.go",
		Func: "shard.grow",
		Old:  "all.put(id, (*old)[i].value)",
		New:  "",
	},
	{
		Name: "slots of what was removed are never empty again",
		File: "internal/goid/table.go",
		Func: "Table.Remove",
		Old:  "all[i].id.Store(empty)",
		New:  "break",
	},
	{
		Name: "what was removed is kept alive",
		File: "internal/goid/table.go",
		Func: "Table.Remove",
		Old:  "all[i].value = nil",
		New:  "",
	},
}
