// Package meter times contenders against each other: interleaved, round by round, in one process.
package meter

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
)

// A Sample is what one run of a contender took for each operation.
type Sample struct{ Nanoseconds, Allocs, Bytes float64 }

// A Plan says how thoroughly to measure.
type Plan struct {
	Rounds   int
	Duration time.Duration // of each run
	Limit    time.Duration // after which a run is taken for a deadlock; 0: never
}

// Row measures the contenders of a row. The result has the samples of each, one for each round.
//
// Each round begins with another contender, so that none is always the one that comes after, say, the one which leaves
// the most garbage.
func Row(row cases.Row, plan Plan) ([][]Sample, error) {
	contenders := row.Contenders()
	counts := make([]int, len(contenders))
	for i, c := range contenders {
		n, err := calibrate(row, c, plan)
		if err != nil {
			return nil, err
		}
		counts[i] = n
	}
	samples := make([][]Sample, len(contenders))
	for round := range plan.Rounds {
		for i := range contenders {
			i = (i + round) % len(contenders)
			took, s, err := Once(row, contenders[i], counts[i], plan.Limit)
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], s)
			if took > 4*plan.Duration { // the machine was faster when it was asked
				counts[i] = row.Round(int(float64(counts[i]) * float64(plan.Duration) / float64(took)))
			}
		}
	}
	return samples, nil
}

// calibrate returns how many operations take about as long as a run should.
func calibrate(row cases.Row, c cases.Contender, plan Plan) (int, error) {
	for n := row.Round(1); ; {
		took, _, err := Once(row, c, n, plan.Limit)
		if err != nil {
			return 0, err
		}
		if took >= plan.Duration/2 || n >= 1_000_000_000 {
			return row.Round(int(float64(n) * float64(plan.Duration) / float64(max(took, 1)))), nil
		}
		// Never more than tenfold at a time, because the first runs say little about the next.
		factor := min(10, max(2, float64(plan.Duration)/float64(max(took, 1))))
		n = row.Round(int(float64(n) * factor))
	}
}

// Once runs n operations, after a few that warm up what the contender has made.
func Once(row cases.Row, c cases.Contender, n int, limit time.Duration) (time.Duration, Sample, error) {
	if limit > 0 {
		defer watch(row.Name+", "+c.Name, limit).Stop()
	}
	body := c.New()
	if body.Close != nil {
		defer body.Close()
	}
	warm := 0
	if row.Batch <= 1 {
		warm = min(n/10+1, 1000)
		body.Run(new(clock), warm)
	}
	runtime.GC()
	t := clock{spent: body.Spent}
	t.StartTimer()
	body.Run(&t, n)
	t.StopTimer()
	if got := body.Count(); got != warm+n {
		return 0, Sample{}, fmt.Errorf("%s, %s: %d operations took place, want %d", row.Name, c.Name, got, warm+n)
	}
	per := func(x float64) float64 { return x / float64(n) }
	return t.took, Sample{per(float64(t.took)), per(float64(t.allocs)), per(float64(t.bytes))}, nil
}

// watch ends the process with the stacks of all goroutines if what has the name takes longer than the limit: a
// primitive that has lost a wake-up would otherwise look like one that is being measured.
func watch(name string, limit time.Duration) *time.Timer {
	return time.AfterFunc(limit, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("%s has not ended after %v", name, limit))
	})
}

// A clock is a cases.Timer.
type clock struct {
	spent   func() time.Duration // in place of time; nil: time
	running bool
	start   time.Time
	from    time.Duration // what was spent at the start
	took    time.Duration
	before  runtime.MemStats

	allocs, bytes uint64
}

func (c *clock) StartTimer() {
	if c.running {
		return
	}
	c.running = true
	runtime.ReadMemStats(&c.before)
	if c.spent != nil {
		c.from = c.spent()
	}
	c.start = time.Now()
}

func (c *clock) StopTimer() {
	if !c.running {
		return
	}
	c.running = false
	if c.spent == nil {
		c.took += time.Since(c.start)
	} else {
		c.took += c.spent() - c.from
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	c.allocs += after.Mallocs - c.before.Mallocs
	c.bytes += after.TotalAlloc - c.before.TotalAlloc
}
