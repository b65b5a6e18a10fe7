// Command reminders calls out reminders at their times, one after another, while others are added and taken back.
// It is a port of a Python program of this well-known shape:
//
//	s = sched.scheduler()
//
//	def remind(text):
//	    print(text)
//
//	def pills():
//	    remind("take the pills")
//	    s.enter(3, 2, pills)
//
//	s.enter(3, 2, pills)
//	tea = s.enter(6, 1, remind, ("the tea is ready",))
//	call = s.enter(8, 1, remind, ("call back",))
//	threading.Thread(target=s.run, daemon=True).start()
//	…
//	s.enter(0.5, 1, remind, ("somebody at the door",))    # before all others
//	s.cancel(call)
//
// The differences that matter:
//
//   - Python's run sleeps until the event that was the next when it went to sleep, and so is late for one that is
//     entered meanwhile and due before it. Here the sleeper is woken.
//   - run returns when nothing is left, and whoever enters more has to start it again. Serve stays until its context
//     ends, and then calls nothing more.
//   - cancel raises ValueError if the event is not there any more. Cancel reports false: the function has begun, or was
//     cancelled before.
//   - What is due at the same time is called in order of priority, here as there: the tea before the pills.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/sched"
	"github.com/gothreading/threading/thread"
)

var program = demo.Program{
	Name: "reminders",
	Does: "Calls out reminders at their times, while others are added and taken back.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	second /= 4
	began := time.Now()
	say := func(format string, args ...any) {
		at := float64(time.Since(began)) / float64(second)
		fmt.Fprintf(out, "%3.1f  %s\n", at, fmt.Sprintf(format, args...))
	}
	var s sched.Scheduler
	remind := func(after time.Duration, priority int, text string) *sched.Event {
		return s.Enter(after, priority, func() { say("%s", text) })
	}
	var pills func()
	pills = func() {
		say("take the pills")
		s.Enter(3*second, 2, pills)
	}
	s.Enter(3*second, 2, pills)
	tea := remind(6*second, 1, "the tea is ready")
	call := remind(8*second, 1, "call back")

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	server := thread.Go(func() { _ = s.Serve(ctx) }) // all are called in this thread

	time.Sleep(second + second/2)
	remind(second/2, 1, "there is somebody at the door") // before all others: Serve is woken
	time.Sleep(5 * second)
	calledOff, tooLate := s.Cancel(call), !s.Cancel(tea)
	time.Sleep(3 * second)
	stop()
	server.Join()
	fmt.Fprintf(out, "the call was called off: %t; the tea had been ready: %t; %d left\n", calledOff, tooLate, s.Len())
	return nil
}
