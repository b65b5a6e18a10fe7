package main

var conditionMutants = []mutant{
	{
		Name: "Notify wakes one more",
		File: "condition/condition.go",
		Func: "Condition.notify",
		Old:  "w != nil && n > 0",
		New:  "w != nil && n >= 0",
	},
	{
		Name: "Notify wakes the newest",
		File: "condition/condition.go",
		Func: "Condition.wait",
		Old:  "c.list.PushBack(w)",
		New:  "c.list.PushFront(w)",
	},
	{
		Name: "WaitFor does not look once more",
		File: "condition/condition.go",
		Func: "Condition.wait",
		Old: `switch { case pred == nil: $*a
case pred(): $*b
case !notified: $*c }`,
		New: `switch { case pred == nil: $*a
case !notified: $*c
case pred(): $*b }`,
	},
	{
		Name: "a wait does not take the lock back at its depth",
		File: "condition/condition.go",
		Func: "place.lock",
		Old:  "c.own.LockDepth(p.depth)",
		New:  "c.own.LockDepth(1)",
	},
	{
		Name: "wait and notify do not ask for the lock",
		File: "condition/condition.go",
		Func: "Condition.mustHold",
		Old:  "c.lock == nil && !c.own.Owned() || c.held != nil && !c.held()",
		New:  "false",
	},
	{
		Name: "a notification is lost with a waiter whose lock panics",
		File: "condition/condition.go",
		Func: "leave",
		Old:  "if w.Value.owes { $*body }",
		New:  "",
	},
	{
		Name: "a notification is passed on by a waiter that has its lock",
		File: "condition/condition.go",
		Func: "Condition.wait",
		Old:  "w.Value.owes = false",
		New:  "",
	},
	{
		Name: "a notification is lost with a waiter whose lock panics in Unlock",
		File: "condition/condition.go",
		Func: "place.PassOn",
		Old:  "p.c.notify(1)",
		New:  "",
	},
}
