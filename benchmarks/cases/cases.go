// Package cases holds what is measured: one Row for each thing that a program does with a primitive, with this
// toolkit's way to do it and its rivals'.
//
// A body is written so that nothing but the operation differs between contenders: the same goroutines, the same items,
// the same count that says how often the operation took place. Where a primitive is free, each contender has a loop of
// its own with direct calls, because a call through an interface would hide what the compiler inlines.
package cases

import (
	"fmt"
	"testing"
	"time"
)

// A Row is one line of the table: an operation, our way to do it, and the others.
type Row struct {
	Name   string
	Group  string // rows of a group share a chart
	Batch  int    // operations come in multiples of this; 0 means 1
	Ours   Contender
	Rivals []Contender
}

// A Contender is one way to do the operation of a row.
type Contender struct {
	Name string
	Main bool // a rival that stands in the chart of ratios
	New  func() Body
}

// A Body is a contender, ready to run.
type Body struct {
	// Run does n operations, n being a multiple of the row's batch, and returns when they have all taken place. What
	// does not belong to them, it does while the timer is stopped.
	Run func(t Timer, n int)
	// Count returns how many operations have taken place since New. It is what makes a benchmark a test too.
	Count func() int
	// Close ends what New started; nil if nothing is left to end.
	Close func()
	// Spent returns what counts in place of time on the clock, such as the CPU time of another process, since New; nil if
	// time does.
	Spent func() time.Duration
}

// A Timer is running when Run is called. A *testing.B is one.
type Timer interface {
	StartTimer()
	StopTimer()
}

// Contenders returns Ours and the Rivals.
func (r Row) Contenders() []Contender { return append([]Contender{r.Ours}, r.Rivals...) }

// Round returns the least multiple of the batch that is not below n, nor below one batch.
func (r Row) Round(n int) int {
	batch := max(r.Batch, 1)
	return max(n+batch-1, batch) / batch * batch
}

// Bench runs a contender of the row as a benchmark of package testing. An iteration is a batch; what is reported is an
// operation.
func (r Row) Bench(c Contender) func(b *testing.B) {
	return func(b *testing.B) {
		body := c.New()
		if body.Close != nil {
			defer body.Close()
		}
		b.ReportAllocs()
		n := b.N * max(r.Batch, 1)
		spent := time.Duration(0)
		if body.Spent != nil {
			spent = body.Spent()
		}
		b.ResetTimer()
		body.Run(b, n)
		b.StopTimer()
		switch {
		case body.Spent != nil:
			b.ReportMetric(float64((body.Spent()-spent).Nanoseconds())/float64(n), "ns/op")
		case r.Batch > 1:
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/op")
		}
		if got := body.Count(); got != n {
			b.Errorf("%d operations took place, want %d", got, n)
		}
	}
}

// Sizes are how large those cases are whose size matters.
type Sizes struct {
	Waiters    int // that are woken at once
	Priorities []int
	Items      int // of a Map
	Nested     int // tasks that each wait for another one
	GivingUp   int // goroutines that give up at the same time
	Backlog    int // room in the channel that stands in for an unbounded queue
	Events     int // in a scheduler

	Connections []int // many and very many, of a server
}

// Full is what published figures are of.
var Full = Sizes{Waiters: 100_000, Priorities: []int{1_000, 100_000}, Items: 1_000_000, Nested: 10_000, GivingUp: 64, Backlog: 1 << 20,
	Events: 100_000, Connections: []int{100, 1000}}

// Small is for tests: the race detector allows 8000 goroutines.
var Small = Sizes{Waiters: 200, Priorities: []int{10, 100}, Items: 1_000, Nested: 20, GivingUp: 8, Backlog: 1 << 12,
	Events: 100, Connections: []int{3, 10}}

// Rows returns all rows.
func Rows(s Sizes) []Row {
	var rows []Row
	for _, of := range []func(Sizes) []Row{
		lockRows, rlockRows, semaphoreRows, givingUpRows, eventRows, conditionRows, queueRows, priorityRows, barrierRows,
		poolRows, taskRows, mapRows, coroutineRows, rwlockRows, waitGroupRows, lockMapRows, schedRows, serverRows, selectorRows, processRows, watchedRows,
	} {
		rows = append(rows, of(s)...)
	}
	return rows
}

// size names a number as it is spoken: 1k, 1M.
func size(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1_000 && n%1_000 == 0:
		return fmt.Sprintf("%dk", n/1_000)
	}
	return fmt.Sprint(n)
}

// share is what the i'th of k goroutines does of n operations.
func share(n, i, k int) int { return (n + i) / k }
