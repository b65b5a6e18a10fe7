package main

var barrierMutants = []mutant{
	{
		Name: "a give-up breaks a generation that is decided",
		File: "barrier/barrier.go",
		Func: "Barrier.follow",
		Old:  "verdict = b.sleepForever(&g.list, g)",
		New:  "return b.giveUp(g)",
	},
	{
		Name: "the action of the next generation does not wait",
		File: "barrier/barrier.go",
		Func: "Barrier.lead",
		Old:  "b.acting == nil",
		New:  "true",
	},
	{
		Name: "Reset leaves those who wait",
		File: "barrier/barrier.go",
		Func: "Barrier.scatter",
		Old:  "b.filling.end(broken, parties)",
		New:  "",
	},
	{
		Name: "a barrier whose action panicked is whole",
		File: "barrier/barrier.go",
		Func: "Barrier.act",
		Old: `g.end(broken, &others)
b.broken = true`,
		New: "g.end(broken, &others)",
	},
}
