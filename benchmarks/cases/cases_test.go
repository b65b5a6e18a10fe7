package cases

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

// ants has goroutines from the moment it is imported.
var imported = goleak.IgnoreCurrent()

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, imported) }

// BenchmarkRows is every row at its full size, for go test -bench. It does not interleave the rivals; the command
// compare does.
func BenchmarkRows(b *testing.B) {
	for _, row := range Rows(Full) {
		b.Run(row.Name, func(b *testing.B) {
			for _, c := range row.Contenders() {
				b.Run(c.Name, row.Bench(c))
			}
		})
	}
}

func TestEveryContenderDoesWhatIsCounted(t *testing.T) {
	for _, procs := range []int{1, 8} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, row := range Rows(Small) {
			for _, c := range row.Contenders() {
				// Twice, as a body may be run again, and with a number that goroutines cannot share equally.
				body := c.New()
				want := 0
				for _, n := range []int{row.Round(1), row.Round(203)} {
					body.Run(nobody{}, n)
					want += n
				}
				if got := body.Count(); got != want {
					t.Errorf("%s, %s, GOMAXPROCS %d: %d operations took place, want %d", row.Name, c.Name, procs, got, want)
				}
				if body.Close != nil {
					body.Close()
				}
			}
		}
	}
}

func TestNoContenderLeavesAGoroutineBehind(t *testing.T) {
	for _, row := range Rows(Small) {
		for _, c := range row.Contenders() {
			body := c.New()
			body.Run(nobody{}, row.Round(10))
			if body.Close != nil {
				body.Close()
			}
			if err := goleak.Find(imported); err != nil {
				t.Errorf("%s, %s: %v", row.Name, c.Name, err)
			}
		}
	}
}

func TestEveryContenderIsABenchmarkOfPackageTesting(t *testing.T) {
	benchtime := flag.Lookup("test.benchtime").Value
	before := benchtime.String()
	if err := benchtime.Set("3x"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = benchtime.Set(before) }()
	for _, row := range Rows(Small) {
		for _, c := range row.Contenders() {
			if result := testing.Benchmark(row.Bench(c)); result.N != 3 {
				t.Errorf("%s, %s: %d iterations, want 3", row.Name, c.Name, result.N)
			}
		}
	}
}

func TestRowsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Rows(Full) {
		if row.Name == "" || row.Group == "" || seen[row.Name] {
			t.Errorf("the row %q of group %q", row.Name, row.Group)
		}
		seen[row.Name] = true
		rivals := map[string]bool{}
		for _, c := range row.Contenders() {
			if c.Name == "" || rivals[c.Name] {
				t.Errorf("%s: the contender %q", row.Name, c.Name)
			}
			rivals[c.Name] = true
		}
	}
}

func TestACountThatIsWrongFailsTheBenchmark(t *testing.T) {
	row := Row{Name: "lossy"}
	lossy := Contender{Name: "lossy", New: func() Body {
		return Body{Run: func(Timer, int) {}, Count: func() int { return 0 }}
	}}
	if result := testing.Benchmark(row.Bench(lossy)); result.N != 0 {
		t.Errorf("a benchmark that did nothing reported %v", result)
	}
}

func TestRoundGivesWholeBatches(t *testing.T) {
	for _, c := range []struct{ batch, n, want int }{{0, 0, 1}, {0, 7, 7}, {10, 1, 10}, {10, 10, 10}, {10, 11, 20}} {
		if got := (Row{Batch: c.batch}).Round(c.n); got != c.want {
			t.Errorf("%d in batches of %d: %d, want %d", c.n, c.batch, got, c.want)
		}
	}
}

func TestEveryWayToWaitWaitsUntilItIsWoken(t *testing.T) {
	for _, way := range Waitings() {
		wait, wake := way.New()
		var (
			wg       sync.WaitGroup
			returned atomic.Int64
		)
		Park(20, func() {
			wait()
			returned.Add(1)
		}, &wg)
		if n := returned.Load(); n != 0 {
			t.Errorf("%s: %d of 20 do not wait", way.Name, n)
		}
		wake()
		wg.Wait()
	}
}

type nobody struct{}

func (nobody) StartTimer() {}
func (nobody) StopTimer()  {}
