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
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// In a bubble no two moments are close, so that a seed tells everything.
func play(t *testing.T, args ...string) (stdout string, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		code, out, stderr := demotest.Start(program, args...)
		if code != 0 || stderr != "" {
			t.Fatalf("%q: exit code %d, %q", args, code, stderr)
		}
		stdout, took = out, time.Since(began)
	})
	return stdout, took
}

func TestNoBaoziIsLostWhateverTheSeed(t *testing.T) {
	for seed := range 50 {
		stdout, took := play(t, "-seed", fmt.Sprint(seed))
		if took < time.Second || took >= 20*400*time.Millisecond {
			t.Errorf("seed %d: took %v", seed, took)
		}
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		made, eaten, none := 0, 0, 0
		for _, line := range lines[:len(lines)-1] {
			switch line {
			case fmt.Sprintf("A has made baozi %d", made):
				made++
			case fmt.Sprintf("B has eaten baozi %d", eaten):
				eaten++
			case "no baozi":
				none++
				if eaten != made {
					t.Errorf("seed %d: no baozi, though %d are made and %d eaten:\n%s", seed, made, eaten, stdout)
				}
			default:
				t.Fatalf("seed %d: unexpected line %q in\n%s", seed, line, stdout)
			}
			if eaten > made {
				t.Fatalf("seed %d: baozi %d is eaten before it is made:\n%s", seed, eaten-1, stdout)
			}
		}
		if made != rounds || eaten+none != rounds {
			t.Errorf("seed %d: %d made, %d eaten, %d looks in vain", seed, made, eaten, none)
		}
		want := fmt.Sprintf("20 baozi made, %d eaten, %d left, none lost", eaten, 20-eaten)
		if got := lines[len(lines)-1]; got != want {
			t.Errorf("seed %d: the last line is %q, want %q", seed, got, want)
		}
	}
}

func TestTheSeedTellsEverything(t *testing.T) {
	first, took := play(t)
	if !strings.Contains(first, "no baozi\n") || strings.Contains(first, " 0 left") {
		t.Errorf("the default seed is to show looks in vain and baozi that are left:\n%s", first)
	}
	if again, _ := play(t, "-seed", "4"); again != first {
		t.Errorf("the seed 4 gave\n%s\nand then\n%s", first, again)
	}
	if other, _ := play(t, "-seed", "2"); other == first {
		t.Error("another seed makes no difference")
	}
	if _, fast := play(t, "-fast"); fast < took/50-time.Microsecond || fast > took/50+time.Microsecond {
		t.Errorf("-fast took %v, want a fiftieth of %v", fast, took)
	}
}

func TestABadSeedIsOneLine(t *testing.T) {
	code, stdout, stderr := demotest.Start(program, "-seed", "-1")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-seed") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
