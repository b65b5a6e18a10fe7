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
		Func:    "Flag.clearChannel",
		Old:     "word &^ (flagSet | flagChannel)",
		New:     "word &^ flagSet",
		Package: "event",
	},
	{
		Name:    "a Set does not count",
		File:    "internal/park/flag.go",
		Func:    "Flag.Set",
		Old:     "word>>flagShift + 1",
		New:     "word >> flagShift",
		Package: "event",
	},
}
