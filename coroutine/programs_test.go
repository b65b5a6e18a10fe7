package coroutine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gothreading/threading/coroutine"
)

type source = coroutine.Generator[struct{}, int]

type give = coroutine.Yield[struct{}, int]

// take returns the next n values.
func take(t *testing.T, g *source, n int) (values []int) {
	t.Helper()
	for range n {
		v, err := g.Next()
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values
}

// intsFrom yields n, n+1, …
func intsFrom(n int) *source {
	return coroutine.New(func(yield give) error {
		for ; ; n++ {
			if _, err := yield(n); err != nil {
				return err
			}
		}
	})
}

// filter yields what passes, and closes what it takes from.
func filter(g *source, passes func(int) bool) *source {
	return coroutine.New(func(yield give) (err error) {
		defer g.Close()
		for v, err := range g.All() {
			if err != nil {
				return err
			}
			if !passes(v) {
				continue
			}
			if _, err := yield(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// The programs of the doctests in CPython's test_generators.py.
func TestProgramsOfTheDoctests(t *testing.T) {
	t.Run("the sieve", func(t *testing.T) {
		primes := coroutine.New(func(yield give) error {
			left := intsFrom(2)
			defer func() { left.Close() }()
			for {
				p, err := left.Next()
				if err != nil {
					return err
				}
				if _, err := yield(p); err != nil {
					return err
				}
				left = filter(left, func(n int) bool { return n%p != 0 })
			}
		})
		if got := take(t, primes, 12); !slices.Equal(got, []int{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37}) {
			t.Error(got)
		}
		if err := primes.Close(); err != nil { // which closes them all
			t.Error(err)
		}
	})

	t.Run("inorder", func(t *testing.T) {
		type tree struct {
			left, right *tree
			label       int
		}
		var grow func(from, to int) *tree
		grow = func(from, to int) *tree {
			if from == to {
				return nil
			}
			mid := (from + to) / 2
			return &tree{grow(from, mid), grow(mid+1, to), mid}
		}
		var inorder func(*tree) func(give) error
		inorder = func(n *tree) func(give) error {
			return func(yield give) error {
				if n == nil {
					return nil
				}
				if err := coroutine.From(yield, coroutine.New(inorder(n.left))); err != nil {
					return err
				}
				if _, err := yield(n.label); err != nil {
					return err
				}
				return inorder(n.right)(yield) // the same, without a Generator
			}
		}
		n := 0
		for label, err := range coroutine.New(inorder(grow(0, 100))).All() {
			if label != n || err != nil {
				t.Error(label, err, "want", n)
			}
			n++
		}
		if n != 100 {
			t.Error(n)
		}
	})

	t.Run("queens by conjoin", func(t *testing.T) {
		const n = 6
		var (
			board     [n]int
			solutions []string
		)
		row := func(i int) *source { // yields for each square of the row that is not attacked
			return coroutine.New(func(yield give) error {
			columns:
				for c := range n {
					for r := range i {
						if d := board[r] - c; d == 0 || d == i-r || d == r-i {
							continue columns
						}
					}
					board[i] = c
					if _, err := yield(c); err != nil {
						return err
					}
				}
				return nil
			})
		}
		var open []*source // the backtracking loop
		for open = append(open, row(0)); len(open) > 0; {
			if _, err := open[len(open)-1].Next(); err != nil {
				open = open[:len(open)-1]
				continue
			}
			if len(open) < n {
				open = append(open, row(len(open)))
				continue
			}
			solutions = append(solutions, strings.Trim(fmt.Sprint(board), "[]"))
		}
		if len(solutions) != 4 || solutions[0] != "1 3 5 0 2 4" {
			t.Error(solutions)
		}
	})

	t.Run("fibonacci of itself", func(t *testing.T) { // which reads its own values, twice, through tees
		var known []int
		fib := coroutine.New(func(yield give) error {
			for a, b := 1, 2; ; a, b = b, a+b {
				known = append(known, a)
				if _, err := yield(a); err != nil {
					return err
				}
			}
		})
		defer fib.Close()
		tee := func() *source {
			return coroutine.New(func(yield give) error {
				for i := 0; ; i++ {
					for i >= len(known) {
						if _, err := fib.Next(); err != nil {
							return err
						}
					}
					if _, err := yield(known[i]); err != nil {
						return err
					}
				}
			})
		}
		one, two := tee(), tee()
		defer one.Close()
		defer two.Close()
		got := append(append(take(t, one, 5), take(t, two, 8)...), take(t, one, 3)...)
		if !slices.Equal(got, []int{1, 2, 3, 5, 8, 1, 2, 3, 5, 8, 13, 21, 34, 13, 21, 34}) {
			t.Error(got)
		}
	})

	t.Run("a consumer", func(t *testing.T) { // coroutine_tests: it takes until it is closed, and cleans up
		var got []string
		sink := coroutine.New(func(yield coroutine.Yield[string, struct{}]) error {
			defer func() { got = append(got, "closed") }()
			for {
				line, err := yield(struct{}{})
				if err != nil {
					return err
				}
				got = append(got, line)
			}
		})
		_, _ = sink.Next()
		for _, line := range []string{"a", "b"} {
			if _, err := sink.Send(line); err != nil {
				t.Error(err)
			}
		}
		if err := sink.Close(); err != nil || strings.Join(got, " ") != "a b closed" {
			t.Error(err, got)
		}
	})
}
