package proof

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// A register holds a number; put sets it, and get returns it.
var register = porcupine.Model{
	Init: func() any { return 7 },
	Step: func(state, input, output any) (bool, any) {
		if put, ok := input.(int); ok {
			return true, put
		}
		return state == output, state
	},
}

// history returns one of a put of 8, during which something is got, and a get
// behind it.
func history(during, behind int) []porcupine.Operation {
	return []porcupine.Operation{
		{ClientId: 0, Input: 8, Call: 1, Return: 4},
		{ClientId: 2, Input: "behind", Output: behind, Call: 5, Return: 6},
		{ClientId: 1, Input: "during", Output: during, Call: 2, Return: 3},
	}
}

// A failure keeps what a test would fail with.
type failure struct {
	testing.TB
	text string
}

func (f *failure) Errorf(format string, args ...any) { f.text += fmt.Sprintf(format, args...) }

func (f *failure) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(f)
}

// run runs check with a test of its own, which may fail, and returns what it
// fails with.
func run(t *testing.T, check func(t testing.TB)) (text string) {
	t.Helper()
	f := &failure{TB: t}
	if p := Recovered(func() { check(f) }); p != nil && p != f {
		t.Errorf("panicked with %v", p)
	}
	return f.text
}

// wantText checks that text contains the parts.
func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

// wantPicture checks that text names a file that draws the history, and removes
// it.
func wantPicture(t *testing.T, text string) {
	t.Helper()
	name := regexp.MustCompile(`picture: (.*)`).FindStringSubmatch(text)
	if name == nil || !strings.HasPrefix(name[1], strings.TrimSuffix(os.TempDir(), "/")) {
		t.Fatalf("no picture in %s:\n%s", os.TempDir(), text)
	}
	t.Cleanup(func() { _ = os.Remove(name[1]) })
	page, err := os.ReadFile(name[1])
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(page), "<html", "during", "behind")
}

func TestARightHistoryIsExplained(t *testing.T) {
	for _, h := range [][]porcupine.Operation{history(7, 8), history(8, 8), nil} {
		if !CheckHistory(t, register, h, 1) {
			t.Errorf("not explained: %v", h)
		}
	}
}

func TestAWrongHistoryIsToldAndPictured(t *testing.T) {
	t.Run("that of the owner's", func(t *testing.T) {
		for _, h := range [][]porcupine.Operation{history(8, 7), history(7, 7), history(9, 8)} {
			text := run(t, func(t testing.TB) {
				if CheckHistory(t, register, h, 4711) {
					t.Error("a wrong history was explained")
				}
			})
			wantText(t, text, "no order of these calls", "seed 4711", "beginning with 7\n",
				"   1-   4 client 0: 8\n   2-   3 client 1: during = ", "   5-   6 client 2: behind = ",
				"again: SEED=4711 go test ", " -count=1 -run '^TestAWrongHistoryIsToldAndPictured$/^that_of_the_owner'\\''s$' ",
				" github.com/gothreading/threading/internal/proof\n")
			wantPicture(t, text)
			if got := strings.Contains(text, "-race"); got != Race {
				t.Errorf("-race is said: %t, and is so: %t", got, Race)
			}
			if got := strings.Contains(text, "-short"); got != testing.Short() {
				t.Errorf("-short is said: %t, and is so: %t", got, testing.Short())
			}
		}
	})
}

func TestAWrongHistoryIsToldThoughThereIsNoRoomForThePicture(t *testing.T) {
	for _, variable := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(variable, t.TempDir()+"/missing")
	}
	text := run(t, func(t testing.TB) { CheckHistory(t, register, history(8, 7), 1) })
	wantText(t, text, "no order of these calls", "there is no picture: ", "again: SEED=1 ")
}

func TestAnUndecidedHistoryIsSearchedLongerAndThenFails(t *testing.T) {
	slow := register
	for _, c := range []struct {
		step time.Duration
		last time.Duration
		want bool
	}{{100 * time.Millisecond, time.Hour, true}, {100 * time.Millisecond, time.Millisecond, false}} {
		slow.Step = func(state, input, output any) (bool, any) {
			time.Sleep(c.step)
			return register.Step(state, input, output)
		}
		var text string
		synctest.Test(t, func(t *testing.T) { // the limits are reached, and met, exactly
			text = run(t, func(t testing.TB) {
				if got := checkHistory(t, slow, history(7, 8), 5, time.Millisecond, c.last); got != c.want {
					t.Errorf("got %t", got)
				}
			})
		})
		if c.want {
			if text != "" {
				t.Errorf("a right history fails if the first search is too short: %s", text)
			}
			continue
		}
		wantText(t, text, "in 1ms neither an order of these calls was found that explains their answers nor that there is none",
			"again: SEED=5 ")
		wantPicture(t, text)
	}
}

// wrongFrom returns programs of which only the seeds from some on are wrong,
// and where they note what seeds they had.
func wrongFrom(first uint64, seeds *[]uint64) Program {
	return func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
		*seeds = append(*seeds, seed)
		if seed >= first {
			return register, history(8, 7), nil
		}
		return register, history(7, 8), nil
	}
}

func TestTheFirstWrongHistoryEndsTheTest(t *testing.T) {
	t.Setenv("SEED", "")
	var seeds []uint64
	text := run(t, func(t testing.TB) {
		CheckHistories(t, 10, func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
			if seeds = append(seeds, seed); len(seeds) == 4 {
				return register, history(8, 7), nil
			}
			return register, history(7, 8), nil
		})
	})
	if len(seeds) != 4 || seeds[1] != seeds[0]+1 || seeds[3] != seeds[0]+3 {
		t.Errorf("seeds %v", seeds)
	}
	wantText(t, text, fmt.Sprintf("again: SEED=%d ", seeds[len(seeds)-1]))
	wantPicture(t, text)
}

func TestAnErrorOfAProgramFailsWhateverItsHistory(t *testing.T) {
	hung := func(uint64) (porcupine.Model, []porcupine.Operation, error) {
		return register, history(7, 8), errors.New("somebody waits for ever")
	}
	t.Setenv("SEED", "12")
	wantText(t, run(t, func(t testing.TB) { CheckHistories(t, 10, hung) }),
		"somebody waits for ever, in the history of seed 12\n", "client 2: behind = 8\n", "again: SEED=12 ")
	if text := run(t, func(t testing.TB) { FindViolation(t, 10, hung) }); text != "" {
		t.Errorf("an error is no violation: %s", text)
	}
}

func TestSeedsAreOthersEachTime(t *testing.T) {
	t.Setenv("SEED", "")
	var first, second []uint64
	CheckHistories(t, 3, wrongFrom(math.MaxUint64, &first))
	CheckHistories(t, 3, wrongFrom(math.MaxUint64, &second))
	if len(first) != 3 || first[0] == second[0] || first[2] != first[0]+2 {
		t.Errorf("%v and then %v", first, second)
	}
	for _, bad := range []string{"x", "-1", "1.5", " 1", "18446744073709551616"} {
		t.Setenv("SEED", bad)
		for _, check := range []func(testing.TB, int, Program){CheckHistories, FindViolation} {
			wantText(t, run(t, func(t testing.TB) { check(t, 1, wrongFrom(0, &first)) }), "SEED="+bad+": want the number")
		}
	}
}

func TestAGivenSeedIsRunAgainAndAgain(t *testing.T) {
	t.Setenv("SEED", "5")
	var seeds []uint64
	CheckHistories(t, 3, wrongFrom(6, &seeds))
	if !slices.Equal(seeds, []uint64{5, 5, 5}) {
		t.Errorf("seeds %v, want 5 three times", seeds)
	}
}

func TestWhatIsBrokenMustBeFound(t *testing.T) {
	t.Setenv("SEED", "5") // others follow: a program may be unable to show it
	var seeds []uint64
	FindViolation(t, 3, wrongFrom(7, &seeds))
	if !slices.Equal(seeds, []uint64{5, 6, 7}) {
		t.Errorf("seeds %v, want 5 6 7", seeds)
	}
	wantText(t, run(t, func(t testing.TB) { FindViolation(t, 3, wrongFrom(8, &seeds)) }), "not noticed in 3 histories")
}

func TestRoundsAreScaledByTheEnvironment(t *testing.T) {
	want := 60_000
	if testing.Short() {
		want /= 10
	}
	if Race {
		want /= 4
	}
	for text, factor := range map[string]int{"": 1, "1": 1, "20": 20} {
		t.Setenv("SOAK", text)
		if got := Rounds(60_000, 10, 4); got != want*factor {
			t.Errorf("SOAK=%s: %d rounds, want %d", text, got, want*factor)
		}
		if got := Rounds(1, 10, 4); got != factor {
			t.Errorf("SOAK=%s: %d rounds of one, want %d", text, got, factor)
		}
	}
	t.Setenv("SOAK", fmt.Sprint(math.MaxInt/2))
	if got := Rounds(60_000, 10, 4); got != math.MaxInt {
		t.Errorf("%d rounds, want as many as there are", got)
	}
	Watch(t)()
	for _, bad := range []string{"x", "0", "-1", "1.5", " 1", "2e3", "99999999999999999999"} {
		t.Setenv("SOAK", bad)
		wantText(t, fmt.Sprint(Recovered(func() { Rounds(1, 1, 1) })), "SOAK="+bad+": want an integer of at least 1")
	}
}

// It is a process of its own: what hangs ends it.
func TestATestThatHangsEndsTheProcessWithAllStacks(t *testing.T) {
	if os.Getenv("PROOF_TEST_HANG") != "" {
		stop := watch(t, time.Millisecond)
		defer stop()
		hang := make(chan struct{})
		go hangHere(hang)
		<-hang
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "PROOF_TEST_HANG=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("the process ended well")
	}
	wantText(t, string(out), "panic: "+t.Name()+" hangs", "proof.hangHere")
}

//go:noinline
func hangHere(c chan struct{}) { <-c }

func TestAWatchIsEnded(t *testing.T) {
	for range 100 {
		watch(t, time.Hour)()
	}
	if Recovered(func() { panic("x") }) != "x" || Recovered(func() {}) != nil {
		t.Error("Recovered")
	}
}
