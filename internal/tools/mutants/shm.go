package main

// inShm are breaks of what processes wait for each other by. Who notices them is package process, or with the tag
// threadingkill the test of internal/shm that kills at each point.
func inShm(ms ...mutant) []mutant {
	for i := range ms {
		ms[i].File = "internal/shm/" + ms[i].File
		if ms[i].Tags == "" && ms[i].Package == "" {
			ms[i].Package = "process"
		}
		ms[i].Flags = append(ms[i].Flags, "-test.short")
	}
	return ms
}

// only are the flags of the test binary for some tests.
func only(tests string) []string { return []string{"-test.run", tests} }

var shmMutants = inShm(
	mutant{
		Name:  "nobody says that the owner of a lock has died",
		File:  "owner.go",
		Func:  "owner.inherit",
		Old:   "o.page.died.Store(1)",
		New:   "",
		Flags: only("TheLockOfTheDead"),
	},
	mutant{
		Name:  "a lock is abandoned for good",
		File:  "owner.go",
		Func:  "owner.release",
		Old:   "o.page.died.Store(0)",
		New:   "",
		Flags: only("TheLockOfTheDead"),
	},
	mutant{
		Name:  "TryLock believes that the dead still hold the lock",
		File:  "owner.go",
		Func:  "owner.try",
		Old:   "kin.alive(uint32(old & ownerMask))",
		New:   "true",
		Flags: only("TheLockOfTheDead"),
	},
	mutant{
		Name:  "who waits for a lock does not ask whether its owner lives",
		File:  "owner.go",
		Func:  "owner.contend",
		Old:   "holder != 0 && !kin.alive(uint32(holder))",
		New:   "false",
		Flags: only("TheLockOfTheDead"),
	},
	mutant{
		Name:  "who is next keeps the lock when it gives up",
		File:  "owner.go",
		Func:  "owner.giveUp",
		Old:   "old>>nextShift == o.me",
		New:   "false",
		Flags: only("WhoMustBeServedIsServed/lock"),
	},
	mutant{
		Name:  "a wake-up goes with the one that gives up waiting for a lock",
		File:  "owner.go",
		Func:  "owner.giveUp",
		Old:   "!slept",
		New:   "true",
		Flags: only("WhoMustBeServedIsServed/lock"),
	},
	mutant{
		Name:  "a lock that is released wakes nobody",
		File:  "owner.go",
		Func:  "owner.wake",
		Old:   "old&ownerWaiting != 0",
		New:   "false",
		Flags: only("WhoMustBeServedIsServed/lock"),
	},
	mutant{
		Name:  "a change that was decided is not carried out",
		File:  "guarded.go",
		Func:  "guarded.enter",
		Old:   "g.journal.n.Load() != 0",
		New:   "false",
		Tags:  "threadingkill",
		Flags: only("KilledAtEachPoint/^(queue_of_2|barrier|bounded)$"),
	},
	mutant{
		Name:  "a release wakes nobody who waits for permits",
		File:  "semaphore.go",
		Func:  "Semaphore.Release",
		Old:   "old&semaphoreWaiting != 0",
		New:   "false",
		Flags: only("WhoMustBeServedIsServed/semaphore"),
	},
	mutant{
		Name:  "a wait for permits that gives up takes them",
		File:  "semaphore.go",
		Func:  "Semaphore.await",
		Old:   "s.word.CompareAndSwap(old, old&valueMask)",
		New:   "s.word.CompareAndSwap(old, 0)",
		Flags: only("FormsOfSemaphores|WhoMustBeServedIsServed/(semaphore|several)"),
	},
	mutant{
		Name:  "permits of a bounded semaphore die with their holder",
		File:  "bounded.go",
		Func:  "Bounded.sweep",
		Old:   "!kin.alive(uint32(old >> 32))",
		New:   "!kin.alive(uint32(old>>32)) && false",
		Flags: only("ThePermitsOfTheDead"),
	},
	mutant{
		Name:  "a side does not ring",
		File:  "side.go",
		Func:  "side.stir",
		Old:   "s.page.asleep.Load() == 0",
		New:   "true",
		Flags: only("WhoMustBeServedIsServed/(bounded|get|put)"),
	},
	mutant{
		Name:  "a set and a clear of a shared event at once release nobody",
		File:  "event.go",
		Func:  "Event.Set",
		Old:   "old+3",
		New:   "old+1",
		Flags: only("FormsOfAnEvent|WhoMustBeServedIsServed/event"),
	},
	mutant{
		Name:  "a notification dies with the process that it was given to",
		File:  "condition.go",
		Func:  "Condition.sweep",
		Old:   "given++",
		New:   "places[i].state.Store(0)",
		Flags: only("TheNotificationOfTheDead"),
	},
	mutant{
		Name:  "a waiter that gives up takes a notification along",
		File:  "condition.go",
		Func:  "Condition.Await",
		Old:   "!state.CompareAndSwap(waiting, 0)",
		New:   "state.Swap(0) == 0",
		Flags: only("ANotificationWakesExactlyOne|WhoMustBeServedIsServed/condition"),
	},
	mutant{
		Name:  "Notify across processes wakes the newest",
		File:  "condition.go",
		Func:  "Condition.waiting",
		Old:   "(newest - places[i].state.Load()>>placeTicket) << placeTicket",
		New:   "places[i].state.Load() >> placeTicket << placeTicket",
		Flags: only("FormsOfACondition|CPythonCondition|TheNotificationOfTheDead"),
	},
	mutant{
		Name:  "the dead count at a barrier",
		File:  "barrier_change.go",
		Func:  "Barrier.breakForDead",
		Old:   "waits = true",
		New:   "waits = false",
		Flags: only("TheBarrierOfTheDead"),
	},
	mutant{
		Name:  "an action that died leaves the barrier whole",
		File:  "barrier_change.go",
		Func:  "Barrier.breakForDead",
		Old:   "state != partyWaiting",
		New:   "false",
		Flags: only("TheBarrierOfTheDead"),
	},
	mutant{
		Name:  "a generation that was reset has passed",
		File:  "barrier_change.go",
		Func:  "Barrier.scatter",
		Old:   "uint64(partyBroken)",
		New:   "uint64(partyPassed)",
		Flags: only("FormsOfABarrier|CPythonBarrier"),
	},
	mutant{
		Name:  "Join waits for what the dead had taken",
		File:  "queue_tasks.go",
		Func:  "Queue.sweep",
		Old:   "gone > 0",
		New:   "false",
		Flags: only("TheItemsOfTheDead"),
	},
	mutant{
		Name:  "a get wakes nobody who waits for room",
		File:  "queue.go",
		Func:  "Queue.take",
		Old:   "q.puts.stir()",
		New:   "false",
		Flags: only("WhoMustBeServedIsServed/put"),
	},
	mutant{
		Name:  "a shutdown wakes nobody who waits for an item",
		File:  "queue_tasks.go",
		Func:  "Queue.Shutdown",
		Old:   "q.gets.stir()",
		New:   "false",
		Flags: only("FormsOfAQueue|CPythonQueue"),
	},
	mutant{
		Name:  "a value is written where it is read",
		File:  "value.go",
		Func:  "Value.Next",
		Old:   "^v.page.which.Load() & 1",
		New:   "v.page.which.Load() & 1",
		Flags: only("TheValuesOfTheDead"),
	},
	mutant{
		Name:  "nobody says that an update of an array was cut short",
		File:  "array.go",
		Func:  "Array.Enter",
		Old:   "a.page.cut.Store(1)",
		New:   "",
		Flags: only("TheValuesOfTheDead"),
	},
	mutant{
		Name:    "an object has two states in one process",
		File:    "segment.go",
		Func:    "attach",
		Old:     "o != nil",
		New:     "o == o && false",
		Package: "internal/shm",
		Flags:   only("OneStateForEachObject"),
	},
	mutant{
		Name:  "a leader that goes leaves the others without one",
		File:  "station.go",
		Func:  "station.resign",
		Old:   "w.Wake(park.Retry)",
		New:   "_ = w",
		Flags: only("WhoMustBeServedIsServed/(event|condition|barrier)"),
	},
	mutant{
		Name:    "without futex_waitv nobody hears of a death",
		File:    "sleepers.go",
		Func:    "sleeper.called",
		Old:     "f.deaths() != s.seen",
		New:     "false",
		Package: "internal/shm",
		Flags:   only("KilledAtRandomWithPlainFutexes/(mutex|barrier|condition)"),
	},
)
