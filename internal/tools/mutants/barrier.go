package main

var barrierMutants = []mutant{
	{
		Name: "a give-up breaks a generation that is decided",
		File: "barrier/barrier.go",
		Func: "Barrier.follow",
		Old:  "verdict = b.sleep(&g.list, g, park.Forever)",
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
		Old:  "b.filling.end(broken, woken)",
		New:  "",
	},
	{
		Name: "a barrier whose action panicked is whole",
		File: "barrier/barrier.go",
		Func: "Barrier.act",
		Old: `g.end(broken, &woken)
b.broken = true`,
		New: "g.end(broken, &woken)",
	},
	{
		Name: "the zero barrier is used with its guard held",
		File: "barrier/barrier.go",
		Func: "Barrier.mustHaveParties",
		Old:  "b.parties < 1",
		New:  "false",
	},
	{
		Name: "Reset forgets the last party that waits for its turn",
		File: "barrier/barrier.go",
		Func: "Barrier.scatter",
		Old:  "woken.Add(w)",
		New:  "",
	},
	{
		Name: "a party whose generation has passed meanwhile breaks the next",
		File: "barrier/barrier.go",
		Func: "Barrier.follow",
		Old: `b.guard.Unlock()
return nil`,
		New: "return b.giveUp(b.filling)",
	},
}
