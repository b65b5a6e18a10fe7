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
		Name: "Main returns before the end of a thread can be learned",
		File: "thread/run.go",
		Func: "Thread.finish",
		Old: `t.leave()
t.end.Open()`,
		New: `t.leave()
t.entry.Remove()
t.end.Open()`,
		Tags: "threadingexplore",
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
		Name: "what is no thread makes daemons",
		File: "thread/thread.go",
		Func: "New",
		Old:  "t.made.daemon = creator != nil && creator.Daemon()",
		New:  "t.made.daemon = creator == nil || creator.Daemon()",
	},
	{
		Name: "a panic of nil is an exit",
		File: "internal/hook/hook.go",
		Func: "Catch",
		Old:  "return p",
		New: `if p != nil && p.Value == nil {
	return nil
}
return p`,
		Package: "thread",
	},
	{
		Name:    "a panic while exiting is forgotten",
		File:    "internal/hook/hook.go",
		Func:    "Catch",
		Old:     "Report(p)",
		New:     "",
		Package: "thread",
	},
	{
		Name: "a panic of Main is told after the wait",
		File: "thread/main.go",
		Func: "goOn",
		Old:  "hook.Report(&hook.Panic{Value: v, Stack: debug.Stack()})",
		New: `waitForOthers()
hook.Report(&hook.Panic{Value: v, Stack: debug.Stack()})`,
	},
	{
		Name: "a panic of nil in Main is an exit",
		File: "thread/main.go",
		Func: "Main",
		Old:  "goOn(nil)",
		New:  "",
	},
	{
		Name:    "Main waits for other bubbles",
		File:    "internal/live/live.go",
		Func:    "snapshot",
		Old:     "e.bubble == bubble && e != self",
		New:     "e.bubble+1 != 0 && e != self && bubble+1 != 0",
		Package: "thread",
	},
	{
		Name: "Main is taken in by work that moves",
		File: "internal/live/live.go",
		Func: "Wait",
		Old:  "s.works == 0 || !waited && s == idle",
		New:  "s.works == 0 || !waited && idle == idle",
	},
	{
		Name:    "a sleep that a silent context ends is a success",
		File:    "internal/park/park.go",
		Func:    "Cause",
		Old:     "return context.Canceled",
		New:     "return nil",
		Package: "thread",
	},
	{
		Name: "children are no daemons",
		File: "thread/thread.go",
		Func: "New",
		Old:  "t.made.daemon = creator != nil && creator.Daemon()",
		New:  "t.made.daemon = false && creator != nil",
	},
}
