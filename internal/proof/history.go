package proof

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A Program makes random calls from several goroutines, and returns their
// history and the sequential model that must explain it. err is what is wrong
// whatever their order, for instance a goroutine that waits forever. The seed
// determines the calls; when each happens is up to the scheduler.
type Program func(seed uint64) (model porcupine.Model, history []porcupine.Operation, err error)

// CheckHistories runs n random programs, and fails the test at the first whose
// history its model does not explain. If SEED is set, it runs that program n
// times, because the scheduler does not do the same each time.
func CheckHistories(t testing.TB, n int, program Program) {
	t.Helper()
	seed, given := firstSeed(t)
	for range n {
		model, history, err := program(seed)
		if err != nil {
			t.Errorf("%v, in the history of seed %d\n%s%s", err, seed, list(model, history), replay(t, seed))
			return
		}
		if !CheckHistory(t, model, history, seed) {
			return
		}
		if !given {
			seed++
		}
	}
}

// FindViolation runs random programs on a broken implementation, and fails the
// test if the histories of all n are explained: then the check that explains
// them is worth nothing.
func FindViolation(t testing.TB, n int, program Program) {
	t.Helper()
	first, _ := firstSeed(t)
	for i := range uint64(n) {
		model, history, err := program(first + i)
		if err == nil && check(model, history, patience...) != porcupine.Illegal {
			continue
		}
		t.Logf("noticed in history %d, of seed %d", i+1, first+i)
		return
	}
	t.Errorf("not noticed in %d histories, the first of seed %d", n, first)
}

// firstSeed returns the seed of the environment, or a random one.
func firstSeed(t testing.TB) (seed uint64, given bool) {
	t.Helper()
	text := os.Getenv("SEED")
	if text == "" {
		return rand.Uint64() >> 1, false // there is room to count up
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SEED=%s: want the number that a failure printed", text)
	}
	return seed, true
}

// patience is how long porcupine searches. A history of these tests takes it
// microseconds, but the search is exponential at worst, and the machine may be
// busy: so a search that found nothing is repeated with a longer limit.
var patience = []time.Duration{10 * time.Second, time.Minute}

// check looks for an order of the calls that explains their answers.
func check(model porcupine.Model, history []porcupine.Operation, limits ...time.Duration) (result porcupine.CheckResult) {
	for _, limit := range limits {
		if result = porcupine.CheckOperationsTimeout(model, history, limit); result != porcupine.Unknown {
			break
		}
	}
	return result
}

// CheckHistory reports whether there is an order of the calls, consistent with
// time, in which model would have given the same answers. If not, it fails the
// test, and reports the history, where a picture of it is, and how to run the
// program of that seed again. It also fails, and says so, if that is not
// decided within a minute.
func CheckHistory(t testing.TB, model porcupine.Model, history []porcupine.Operation, seed uint64) bool {
	t.Helper()
	return checkHistory(t, model, history, seed, patience...)
}

func checkHistory(t testing.TB, model porcupine.Model, history []porcupine.Operation, seed uint64, limits ...time.Duration) bool {
	t.Helper()
	result := check(model, history, limits...)
	if result == porcupine.Ok {
		return true
	}
	what := "no order of these calls explains their answers"
	if result == porcupine.Unknown {
		what = fmt.Sprintf("in %v neither an order of these calls was found that explains their answers nor that there is none",
			limits[len(limits)-1])
	}
	t.Errorf("%s, in the history of seed %d\n%s%s%s",
		what, seed, list(model, history), picture(model, history, limits[0]), replay(t, seed))
	return false
}

// list returns a line for each call.
func list(model porcupine.Model, history []porcupine.Operation) string {
	var lines strings.Builder
	if model.Init != nil {
		fmt.Fprintf(&lines, "beginning with %+v\n", model.Init())
	}
	for _, o := range slices.SortedStableFunc(slices.Values(history), func(a, b porcupine.Operation) int {
		return cmp.Compare(a.Call, b.Call)
	}) {
		fmt.Fprintf(&lines, "%4d-%4d client %d: %v", o.Call, o.Return, o.ClientId, o.Input)
		if o.Output != nil {
			fmt.Fprintf(&lines, " = %+v", o.Output)
		}
		lines.WriteByte('\n')
	}
	return lines.String()
}

// picture draws how far an explanation gets, and returns a line that says where
// the drawing is.
func picture(model porcupine.Model, history []porcupine.Operation, limit time.Duration) string {
	_, info := porcupine.CheckOperationsVerbose(model, history, limit)
	file, err := os.CreateTemp("", "history-*.html")
	if err == nil {
		_ = file.Close()
		err = porcupine.VisualizePath(model, info, file.Name())
	}
	if err != nil {
		return fmt.Sprintf("there is no picture: %v\n", err)
	}
	return fmt.Sprintf("picture: %s\n", file.Name())
}

// replay returns a line that says how to run the program again.
func replay(t testing.TB, seed uint64) string {
	var path []string
	for element := range strings.SplitSeq(t.Name(), "/") {
		path = append(path, "^"+regexp.QuoteMeta(element)+"$")
	}
	flags := ""
	if Race {
		flags = "-race "
	}
	if testing.Short() {
		flags += "-short "
	}
	pkg := "."
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		pkg = strings.TrimSuffix(info.Path, ".test")
	}
	return fmt.Sprintf("again: SEED=%d go test %s-count=1 -run %s %s\n", seed, flags, quoted(strings.Join(path, "/")), pkg)
}

// quoted quotes s for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
