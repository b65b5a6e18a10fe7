package main

var timerMutants = []mutant{
	{
		Name: "a late clock runs a cancelled timer",
		File: "timer/timer.go",
		Func: "Timer.fire",
		Old:  "t.state != pending || t.round != round",
		New:  "false",
	},
	{
		Name: "Cancel is always in time",
		File: "timer/timer.go",
		Func: "Timer.Cancel",
		Old:  "inTime := t.state != running && (t.repeats || !t.ran)",
		New:  "inTime := true",
	},
	{
		Name: "a timer goes on after a panic",
		File: "timer/timer.go",
		Func: "Timer.fire",
		Old:  "!t.repeats || t.over || run.Err() != nil",
		New:  "!t.repeats || t.over",
	},
	{
		Name: "Main does not wait for timers",
		File: "timer/timer.go",
		Func: "Timer.Start",
		Old: `if !t.run.Daemon() {
	t.entry.Add((*work)(t), now)
}`,
		New: "",
	},
}
