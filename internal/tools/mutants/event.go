package main

var eventMutants = []mutant{
	{
		Name:    "Set and Clear at once leave somebody waiting",
		File:    "internal/park/flag.go",
		Func:    "Flag.wait",
		Old:     "f.settled()>>flagShift != sets",
		New:     "f.settled()&flagSet != 0",
		Package: "event",
	},
	{
		Name:    "Clear is forgotten by Done",
		File:    "internal/park/flag.go",
		Func:    "Flag.Clear",
		Old:     "f.done = nil",
		New:     "",
		Package: "event",
	},
	{
		Name:    "a Set does not count",
		File:    "internal/park/flag.go",
		Func:    "Flag.setSlow",
		Old:     "word>>flagShift + 1",
		New:     "word >> flagShift",
		Package: "event",
	},
}
