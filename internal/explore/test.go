//go:build threadingexplore

package explore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Test looks for a schedule that breaks c: through all with few interruptions,
// as far as that goes, and then at random. How many it tries is set by the
// environment, see the package comment.
func Test(t *testing.T, c Case) {
	t.Helper()
	if replay(t, c) {
		return
	}
	schedules, seed := number(t, "EXPLORE_SCHEDULES", 2000), number(t, "EXPLORE_SEED", 1)
	for bound := range 4 {
		ran, all := exhaust(t, c, bound, schedules, "")
		t.Logf("%d schedules with at most %d interruptions, all of them: %v", ran, bound, all)
		if !all {
			break
		}
	}
	for s := seed; s < seed+schedules; s++ {
		if err := Run(t, c, Random(uint64(s))); err != nil {
			report(t, c, fmt.Sprint(s), err, "")
		}
	}
	t.Logf("%d schedules at random, from seed %d on", schedules, seed)
}

// Programs looks for a schedule that breaks one of the cases that generate
// makes at random.
func Programs(t *testing.T, generate func(*rand.Rand) Case) {
	t.Helper()
	const schedules = 100 // of each kind for each of them
	program := func(seed int) Case { return generate(rand.New(rand.NewPCG(uint64(seed), 1))) }
	if os.Getenv("EXPLORE_PROGRAM") != "" {
		c := program(number(t, "EXPLORE_PROGRAM", 0))
		t.Log(c.Name)
		replay(t, c)
		return
	}
	programs, first := max(number(t, "EXPLORE_SCHEDULES", 2000)/10, 1), number(t, "EXPLORE_SEED", 1)
	for seed := first; seed < first+programs; seed++ {
		c := program(seed)
		again := fmt.Sprintf("EXPLORE_PROGRAM=%d ", seed)
		for bound, left := 0, schedules; bound < 4 && left > 0; bound++ {
			ran, _ := exhaust(t, c, bound, left, again)
			left -= ran
		}
		for s := range schedules {
			if err := Run(t, c, Random(uint64(s))); err != nil {
				report(t, c, fmt.Sprint(s), err, again)
			}
		}
	}
	t.Logf("%d programs, from seed %d on", programs, first)
}

// replay runs the schedule of the environment, if there is one.
func replay(t *testing.T, c Case) bool {
	t.Helper()
	text := os.Getenv("EXPLORE_REPLAY")
	if text == "" {
		return false
	}
	choose, err := parse(text)
	if err == nil {
		err = Run(t, c, choose)
	}
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return true
}

func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		t.Fatalf("%s=%s: want a number", name, text)
	}
	return int(n)
}

func report(t *testing.T, c Case, schedule string, err error, program string) {
	t.Helper()
	t.Fatalf("%s: %v\nagain: %sEXPLORE_REPLAY=%s go test -tags threadingexplore -run '^%s$'", c.Name, err, program, schedule, t.Name())
}

// exhaust runs all schedules of c in which a goroutine that could go on is
// interrupted, or time passes, at most bound times together, up to that many
// schedules. It returns how many it ran and whether these were all.
func exhaust(t *testing.T, c Case, bound, schedules int, program string) (ran int, all bool) {
	t.Helper()
	d := &depthFirst{bound: bound}
	for ran < schedules {
		d.at, d.spent = 0, 0
		err := Run(t, c, d)
		ran++
		if err != nil {
			report(t, c, d.String(), err, program)
		}
		if !d.next() {
			return ran, true
		}
	}
	return ran, false
}
