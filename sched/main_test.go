package sched_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/sched"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

const (
	century = 100 * 365 * 24 * time.Hour
	forever = time.Duration(1<<63 - 1)
)

var errCause = errors.New("the cause")

// rounds scales the length of a race.
func rounds(full int) int { return proof.Rounds(full, 10, 10) }

// A record is the names of functions in the order of their calls.
type record []string

func (r *record) note(name string) func() { return func() { *r = append(*r, name) } }

func (r *record) want(t *testing.T, names ...string) {
	t.Helper()
	if !slices.Equal(*r, names) {
		t.Errorf("called %q, want %q", []string(*r), names)
	}
}

// A form is a way to run a Scheduler, and reports whether nothing is left.
type form struct {
	name string
	run  func(*sched.Scheduler) bool
}

// patient are the forms that wait until nothing is left.
func patient() []form {
	return []form{
		{"Run", func(s *sched.Scheduler) bool { s.Run(); return true }},
		{"RunTimeout", func(s *sched.Scheduler) bool { return s.RunTimeout(2 * century) }},
		{"RunTimeout for ever", func(s *sched.Scheduler) bool { return s.RunTimeout(forever) }},
		{"RunContext", func(s *sched.Scheduler) bool {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return s.RunContext(ctx) == nil
		}},
		{"RunContext without end", func(s *sched.Scheduler) bool { return s.RunContext(context.Background()) == nil }},
		{"RunContext of a foreign context", func(s *sched.Scheduler) bool { return s.RunContext(proof.NewForeign()) == nil }},
	}
}

// all are those, and those that do not wait.
func all() []form {
	return append(patient(),
		form{"TryRun", func(s *sched.Scheduler) bool { _, pending := s.TryRun(); return !pending }},
		form{"RunTimeout of nothing", func(s *sched.Scheduler) bool { return s.RunTimeout(0) }},
		form{"RunTimeout of less", func(s *sched.Scheduler) bool { return s.RunTimeout(-1 << 63) }},
	)
}

// A limited is a way to run a Scheduler for d at most.
type limited struct {
	name string
	run  func(s *sched.Scheduler, d time.Duration) bool
}

func impatient() []limited {
	within := func(run func(context.Context) error) func(time.Duration) bool {
		return func(d time.Duration) bool {
			ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
			defer cancel()
			err := run(ctx)
			if err != nil && err != errCause {
				panic(err)
			}
			return err == nil
		}
	}
	return []limited{
		{"RunTimeout", (*sched.Scheduler).RunTimeout},
		{"RunContext", func(s *sched.Scheduler, d time.Duration) bool { return within(s.RunContext)(d) }},
		{"RunContext of a foreign context", func(s *sched.Scheduler, d time.Duration) bool {
			ctx := proof.NewForeign()
			defer time.AfterFunc(d, ctx.End).Stop()
			err := s.RunContext(ctx)
			if err != nil && err != proof.ErrForeign {
				panic(err)
			}
			return err == nil
		}},
		{"Serve", func(s *sched.Scheduler, d time.Duration) bool { return within(s.Serve)(d) }},
	}
}
