package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestTenTasksOverFiveSlotsTakeTwoRounds(t *testing.T) {
	for _, args := range [][]string{nil, {"-fast"}} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, args...)
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d, %q", code, stderr)
			}
			want := 2 * time.Second
			if args != nil {
				want /= 50
			}
			if d := time.Since(began); d != want {
				t.Errorf("%q: took %v, want %v", args, d, want)
			}
			lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
			if len(lines) != 21 {
				t.Fatalf("%d lines:\n%s", len(lines), stdout)
			}
			if want := "10 tasks over 5 slots: at most 5 at once, all done after 2.0 s"; lines[20] != want {
				t.Errorf("the last line is %q, want %q", lines[20], want)
			}
			seen := map[string]bool{} // which slot was used in which round
			for i := range 10 {
				// The slots come back in any order, so only the first round says which task has which.
				for slot := range 5 {
					if i < 5 && slot != i {
						continue
					}
					line := fmt.Sprintf("task %d begins in slot %d after %d.0 s\n", i, slot+1, i/5)
					if strings.Contains(stdout, line) {
						seen[fmt.Sprint(i/5, slot)] = true
					}
				}
				if strings.Count(stdout, fmt.Sprintf("task %d is done\n", i)) != 1 {
					t.Errorf("task %d is not done once:\n%s", i, stdout)
				}
			}
			if len(seen) != 10 {
				t.Errorf("want each of 5 slots used once in each of 2 rounds:\n%s", stdout)
			}
		})
	}
}

func TestAnyNumberOfTasksAndSlots(t *testing.T) {
	for args, want := range map[string]string{
		"-tasks 0":           "0 tasks over 5 slots: at most 0 at once, all done after 0.0 s",
		"-tasks 4 -slots 1":  "4 tasks over 1 slots: at most 1 at once, all done after 4.0 s",
		"-tasks 3 -slots 10": "3 tasks over 10 slots: at most 3 at once, all done after 1.0 s",
	} {
		synctest.Test(t, func(t *testing.T) {
			code, stdout, _ := demotest.Start(program, strings.Fields(args)...)
			if code != 0 || !strings.HasSuffix(stdout, want+"\n") {
				t.Errorf("%s: exit code %d, the end of\n%s\nis not %q", args, code, stdout, want)
			}
		})
	}
}

func TestATaskThatPanicsGivesItsSlotBack(t *testing.T) {
	defer thread.SetExceptHook(thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) {}))
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1)
		p.start(func(int) { panic("out of luck") }).Join()
		if p.slots.Len() != 1 {
			t.Error("the slot is lost")
		}
	})
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, args := range []string{"-slots 0", "-tasks -1", "-slots many"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "slots: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
