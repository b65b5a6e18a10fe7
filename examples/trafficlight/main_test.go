package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// start runs the program in a bubble and says how long it took there.
func start(t *testing.T, args ...string) (code int, stdout, stderr string, took time.Duration) {
	t.Helper()
	t.Setenv("NO_COLOR", "1") // the tests may run on a terminal
	var out, errs strings.Builder
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		code = program.Start(args, &out, &errs)
		took = time.Since(began)
	})
	return code, out.String(), errs.String(), took
}

// Each line in order of its time, and those of one instant in order of their text.
const once = ` 0.0  the light is green
 0.2  car 1 is running
 0.4  car 2 is running
 0.6  car 3 is running
 0.8  car 4 is running
 3.2  car 1 is running
 4.4  car 2 is running
 5.6  car 3 is running
 6.2  car 1 is running
 6.8  car 4 is running
 8.4  car 2 is running
 9.2  car 1 is running
10.0  the light is yellow
10.6  car 3 is running
12.2  car 1 is running
12.4  car 2 is running
12.8  car 4 is running
13.0  the light is red
15.2  car 1 waits for the green light
15.6  car 3 waits for the green light
16.4  car 2 waits for the green light
18.8  car 4 sees red
19.8  car 4 sees red
20.0  the light is green and stays so
`

func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1]
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func TestCarsRunAtGreenAndStopAtRed(t *testing.T) {
	for _, c := range []struct {
		args string
		took time.Duration
	}{
		{"", 4160 * time.Millisecond}, // car 4 looks no more after 20.8 of the light's seconds
		{"-fast", 4160 * time.Millisecond / 50},
	} {
		code, stdout, stderr, took := start(t, strings.Fields(c.args)...)
		if code != 0 || stderr != "" || took != c.took {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, c.took)
		}
		lines, end, _ := strings.Cut(stdout, "at red")
		if want := " the cars 1 to 3 waited 3 times, and car 4 looked 2 times\n"; end != want {
			t.Errorf("%q: the end is %q, want %q", c.args, end, want)
		}
		if sorted(lines) != once {
			t.Errorf("%q: got\n%s", c.args, stdout)
		}
	}
}

func TestInEveryCycleOfTheLightNoCarRunsAtRed(t *testing.T) {
	const cycles = 12
	code, stdout, stderr, _ := start(t, "-cycles", fmt.Sprint(cycles))
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d, errors %q", code, stderr)
	}
	waiting, ran := map[int]bool{}, 0
	for line := range strings.Lines(stdout) {
		var at float64
		var n int
		if _, err := fmt.Sscanf(line, "%f car %d waits", &at, &n); err == nil {
			waiting[n] = true
		} else if _, err := fmt.Sscanf(line, "%f car %d is running", &at, &n); err == nil {
			ran++
			for at >= 20 {
				at -= 20
			}
			if at >= 13 {
				t.Errorf("%g of a cycle: %q", at, line)
			}
			if waiting[n] && at > 0.05 { // whoever waited goes at the first moment
				t.Errorf("car %d waited and went %g after green", n, at)
			}
			waiting[n] = false
		}
	}
	if red := strings.Count(stdout, "the light is red\n"); red != cycles || ran < 5*cycles {
		t.Errorf("red %d times, %d cars ran, in %d cycles:\n%s", red, ran, cycles, stdout)
	}
}

func TestColoursAreForTheLightOnATerminal(t *testing.T) {
	for _, tt := range []struct {
		coloured bool
		colour   int
		want     string
	}{
		{true, 41, " 0.0  \033[41;1m text 7 \033[0m\n"},
		{true, 0, " 0.0  text 7\n"},
		{false, 41, " 0.0  text 7\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			c := crossing{out: &out, coloured: tt.coloured, second: time.Second, began: time.Now()}
			c.say(tt.colour, "text %d", 7)
			if out.String() != tt.want {
				t.Errorf("%+v: got %q", tt, out.String())
			}
		})
	}
}

func TestABadNumberOfCyclesIsOneLine(t *testing.T) {
	for _, n := range []string{"0", "-1", "101", "many"} {
		code, stdout, stderr, _ := start(t, "-cycles", n)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, n) {
			t.Errorf("%s: exit code %d, output %q, errors %q", n, code, stdout, stderr)
		}
	}
}
