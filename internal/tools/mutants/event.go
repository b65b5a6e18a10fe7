package main

var eventMutants = []mutant{
	{
		Name: "Set and Clear at once leave somebody waiting",
		File: "event/event.go",
		Func: "Event.wait",
		Old:  "return e.sets != sets // a Set was on its way to us when we left",
		New: `_ = sets
return e.state.Load() == set`,
	},
	{
		Name: "Clear is forgotten by Done",
		File: "event/event.go",
		Func: "Event.Clear",
		Old: `e.state.Store(clear)
e.done = nil`,
		New: "e.state.Store(clear)",
	},
	{
		Name: "a Set does not count",
		File: "event/event.go",
		Func: "Event.Set",
		Old:  "e.sets++",
		New:  "",
	},
}
