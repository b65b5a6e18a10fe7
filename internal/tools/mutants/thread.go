package main

var threadMutants = []mutant{
	{
		Name: "a thread has ended before its values are gone",
		File: "thread/run.go",
		Func: "Thread.finish",
		Old:  "t.values.drop(id)",
		New:  "",
	},
	{
		Name: "a thread is listed after its end",
		File: "thread/run.go",
		Func: "Thread.finish",
		Old: `t.leave()
t.end.Open()`,
		New: `t.end.Open()
t.leave()`,
	},
	{
		Name: "a panic in a thread is told to nobody",
		File: "thread/run.go",
		Func: "Thread.run",
		Old:  "hook.Report((*hook.Panic)(err.(*PanicError)))",
		New:  "_ = hook.Report",
	},
	{
		Name: "a thread can be joined by itself",
		File: "thread/thread.go",
		Func: "Thread.checkJoin",
		Old:  "t.ident.Load() == goid.Get()",
		New:  "false",
	},
	{
		Name: "children are no daemons",
		File: "thread/thread.go",
		Func: "New",
		Old:  "c := choices{daemon: creator == nil || creator.Daemon()}",
		New:  "c := choices{daemon: creator == nil}",
	},
}
