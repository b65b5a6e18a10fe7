package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counted runs the command, built as users' programs are and not as this test may be: the race detector adds to all.
func counted(t *testing.T) map[string]cost {
	t.Helper()
	program := filepath.Join(t.TempDir(), "cost")
	build := exec.Command("go", "build", "-race=false", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	out, err := exec.Command(program).CombinedOutput()
	switch table := string(out); {
	case err != nil:
		t.Fatalf("%v\n%s", err, table)
	case strings.Contains(table, errUnable.Error()):
		t.Skip(strings.TrimSpace(table))
	}
	costs := make(map[string]cost)
	for line := range strings.Lines(string(out)) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 3 {
			continue
		}
		atomics, err1 := strconv.Atoi(cells[1])
		instructions, err2 := strconv.Atoi(cells[2])
		if err1 == nil && err2 == nil {
			costs[cells[0]] = cost{instructions, atomics}
		}
	}
	if busy := strings.Count(string(out), errBusy.Error()); len(costs)+busy != len(operations)-1 {
		t.Fatalf("%d costs for %d operations:\n%s", len(costs), len(operations)-1, out)
	}
	return costs
}

// budgets are what operations took when this was written.
var budgets = map[string]cost{
	"Lock: Lock and Unlock":                 {21, 2},
	"Lock: LockTimeout and Unlock":          {47, 2},
	"Lock: LockContext and Unlock":          {81, 2},
	"RLock: Lock and Unlock":                {93, 2},
	"RLock: nested Lock and Unlock":         {80, 0},
	"RWLock: RLock and RUnlock":             {26, 2},
	"RWLock: Lock and Unlock":               {20, 2},
	"RWLock: Lock, Downgrade and RUnlock":   {30, 3},
	"lock.Map: Lock and Unlock":             {373, 4},
	"WaitGroup: Add and Done":               {71, 2},
	"WaitGroup: Wait when the count is 0":   {11, 0},
	"Scheduler: Enter and Cancel":           {871, 4},
	"Semaphore: Acquire and Release":        {48, 2},
	"BoundedSemaphore: Acquire and Release": {76, 2},
	"Event: Wait when set":                  {11, 0},
	"Condition: Notify to nobody":           {64, 0},
	"Queue: Put and Get":                    {232, 4},
	"Queue, unbounded: Put and Get":         {225, 4},
	"Pool: Go to busy workers":              {223, 2},
	"Pool: ApplyAsync to busy workers":      {586, 2},
	"Generator: Send":                       {577, 8},
	"Greenlet: Switch there and back":       {885, 6},
	"Result: Get when ready":                {56, 0},
}

// An operation takes as many atomic instructions as docs/performance.md says, and no more other ones than its budget
// and a quarter, for versions of Go differ.
func TestNoOperationHasBecomeSlower(t *testing.T) {
	costs := counted(t)
	for name, most := range budgets {
		c, ok := costs[name]
		if !ok {
			t.Logf("%s: not counted, %v", name, errBusy)
			continue
		}
		if c.atomics > most.atomics || c.instructions > most.instructions*5/4 {
			t.Errorf("%s: %d atomic writes among %d instructions, want at most %d among %d",
				name, c.atomics, c.instructions, most.atomics, most.instructions*5/4)
		}
		t.Logf("%s: %d atomic writes among %d instructions", name, c.atomics, c.instructions)
	}
	for _, pair := range []struct {
		ours, theirs string
		times        float64
	}{
		{"Lock: Lock and Unlock", "sync.Mutex: Lock and Unlock", 1.25},
		{"RLock: Lock and Unlock", "sync.Mutex: Lock and Unlock", 5}, // nearly 6 if goid.Fast is no longer inlined
		{"RLock: Lock and Unlock beside 100 coroutines", "RLock: Lock and Unlock", 1.05},
		{"RWLock: RLock and RUnlock", "sync.RWMutex: RLock and RUnlock", 1.5},
		{"RWLock: Lock and Unlock", "sync.RWMutex: Lock and Unlock", 0.5},
		{"WaitGroup: Add and Done", "sync.WaitGroup: Add and Done", 1},
		{"Semaphore: Acquire and Release", "x/sync/semaphore: Acquire and Release", 0.5},
		{"Event: Wait when set", "closed channel: receive", 0.2},
		{"Queue: Put and Get", "channel: send and receive", 0.9},
	} {
		ours, ok := costs[pair.ours]
		theirs, too := costs[pair.theirs]
		if !ok || !too {
			continue
		}
		if ours.atomics > theirs.atomics || float64(ours.instructions) > pair.times*float64(theirs.instructions) {
			t.Errorf("%s: %d atomic writes among %d instructions; %s: %d among %d, want no more and at most %v times as many",
				pair.ours, ours.atomics, ours.instructions, pair.theirs, theirs.atomics, theirs.instructions, pair.times)
		}
	}
}

func TestEveryOperationHasANameOfItsOwn(t *testing.T) {
	seen := make(map[string]bool)
	for _, o := range operations {
		if seen[o.name] || strings.Contains(o.name, "|") {
			t.Error(fmt.Sprintf("%q", o.name), "is there twice, or cannot stand in a table")
		}
		seen[o.name] = true
	}
	for name := range budgets {
		if !seen[name] {
			t.Errorf("there is a budget for %q, and no such operation", name)
		}
	}
}
