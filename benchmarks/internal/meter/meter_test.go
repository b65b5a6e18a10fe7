package meter

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"go.uber.org/goleak"
)

var imported = goleak.IgnoreCurrent()

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, imported) }

// sleeping is a contender of which an operation takes so long and allocates so much, and which notes who ran.
func sleeping(name string, d time.Duration, bytes int, ran *[]string) cases.Contender {
	return cases.Contender{Name: name, New: func() cases.Body {
		count := 0
		return cases.Body{
			Run: func(t cases.Timer, n int) {
				t.StopTimer()
				time.Sleep(time.Millisecond) // is nobody's
				t.StartTimer()
				*ran = append(*ran, name)
				for range n {
					count++
					time.Sleep(d)
					sink = make([]byte, bytes)
				}
			},
			Count: func() int { return count },
		}
	}}
}

var sink []byte

func TestASampleIsWhatAnOperationTook(t *testing.T) {
	var ran []string
	row := cases.Row{Name: "row", Ours: sleeping("ours", 2*time.Millisecond, 1000, &ran)}
	took, s, err := Once(row, row.Ours, 5, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if took < 10*time.Millisecond || s.Nanoseconds < 2e6 {
		t.Errorf("5 operations of 2ms took %v, or %v ns each", took, s.Nanoseconds)
	}
	if s.Allocs < 1 || s.Bytes < 1000 {
		t.Errorf("an operation that allocates 1000 bytes allocates %v in %v pieces", s.Bytes, s.Allocs)
	}
}

func TestWhatIsDoneWhileTheTimerIsStoppedCostsNothing(t *testing.T) {
	var c clock
	c.StartTimer()
	c.StopTimer()
	before, allocs := c.took, c.allocs
	sink = make([]byte, 1<<16)
	time.Sleep(20 * time.Millisecond)
	c.StopTimer() // again: does nothing
	if c.took != before || c.allocs != allocs {
		t.Errorf("a stopped timer went from %v to %v", before, c.took)
	}
}

func TestRoundsAreInterleavedAndBeginInTurn(t *testing.T) {
	var ran []string
	row := cases.Row{
		Name:   "row",
		Ours:   sleeping("a", time.Millisecond, 1, &ran),
		Rivals: []cases.Contender{sleeping("b", time.Millisecond, 1, &ran)},
	}
	samples, err := Row(row, Plan{Rounds: 4, Duration: time.Millisecond, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != 2 || len(samples[0]) != 4 || len(samples[1]) != 4 {
		t.Fatalf("samples: %v, want four of each", samples)
	}
	// Each run warms up first, so everybody is noted twice.
	measured := ran[len(ran)-16:]
	if got := strings.Join(measured, ""); got != "aabbbbaaaabbbbaa" {
		t.Errorf("the order is %s", got)
	}
}

func TestAContenderThatLosesOperationsIsAnError(t *testing.T) {
	row := cases.Row{Name: "row", Ours: cases.Contender{Name: "lossy", New: func() cases.Body {
		count := 0
		return cases.Body{Run: func(_ cases.Timer, n int) { count += n - 1 }, Count: func() int { return count }}
	}}}
	if _, err := Row(row, Plan{Rounds: 1, Duration: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "lossy") {
		t.Errorf("the error is %v", err)
	}
}

func TestARunIsAMultipleOfTheBatch(t *testing.T) {
	var batches []int
	row := cases.Row{Name: "row", Batch: 7, Ours: cases.Contender{Name: "batched", New: func() cases.Body {
		count := 0
		return cases.Body{
			Run: func(_ cases.Timer, n int) {
				batches = append(batches, n)
				count += n
				time.Sleep(time.Duration(n) * 10 * time.Microsecond)
			},
			Count: func() int { return count },
		}
	}}}
	if _, err := Row(row, Plan{Rounds: 2, Duration: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	for _, n := range batches {
		if n == 0 || n%7 != 0 {
			t.Errorf("a run of %d operations in batches of 7", n)
		}
	}
}

func TestParkedMeasuresWhatAGoroutineHolds(t *testing.T) {
	holding := func(bytes int) func() (wait, wake func()) {
		return func() (wait, wake func()) {
			var wg sync.WaitGroup
			wg.Add(1)
			wait = func() {
				held := strings.Repeat("x", bytes)
				wg.Wait()
				runtime.KeepAlive(held)
			}
			return wait, wg.Done
		}
	}
	const goroutines = 200
	beyond := Beyond(Parked([]cases.Waiting{
		{Name: "little", New: holding(1 << 10)},
		{Name: "much", New: holding(1 << 16)},
	}, goroutines, 2))
	if beyond[0] != 0 || beyond[1] < 50_000 || beyond[1] > 80_000 {
		t.Errorf("64 KiB beyond 1 KiB are %v", beyond)
	}
}

func TestMoreMemoryThanTheBoundIsNoticed(t *testing.T) {
	noticed := make(chan uint64, 1)
	notice := func(taken uint64) {
		select {
		case noticed <- taken:
		default:
		}
	}
	stop := bound(1<<40, notice)
	time.Sleep(150 * time.Millisecond)
	stop()
	if len(noticed) != 0 {
		t.Errorf("%d bytes were taken for more than a TiB", <-noticed)
	}
	stop = bound(1<<10, notice)
	defer stop()
	if taken := <-noticed; taken <= 1<<10 {
		t.Errorf("%d bytes were taken for more than a KiB", taken)
	}
}
