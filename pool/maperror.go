package pool

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// An ItemError is the error of one item of a Map, ForEach, IMap or Gather.
type ItemError struct {
	Index int // of the item in the input
	Err   error
}

// Error returns the index and the error.
func (e *ItemError) Error() string { return fmt.Sprintf("item %d: %v", e.Index, e.Err) }

// Unwrap returns the error that the function returned. It is a
// *thread.PanicError if the function panicked, and ErrGoexit if it exited.
func (e *ItemError) Unwrap() error { return e.Err }

// A MapError is the error of a Map, ForEach or Gather some of whose items failed.
// errors.Is and errors.As reach each of them.
type MapError struct {
	Items []*ItemError // by index, at least one
	Total int          // how many items there were
}

// newMapError returns the error of a Map with these failures, in any order, or
// nil if there are none.
func newMapError(items []*ItemError, total int) error {
	if len(items) == 0 {
		return nil
	}
	slices.SortFunc(items, func(a, b *ItemError) int { return cmp.Compare(a.Index, b.Index) })
	return &MapError{Items: items, Total: total}
}

// Error returns the first error and, if there are others, how many items failed.
// It is one line if there are others.
func (e *MapError) Error() string {
	switch len(e.Items) {
	case 0:
		return fmt.Sprintf("none of %d items failed", e.Total)
	case 1:
		return e.Items[0].Error()
	}
	first := strings.ReplaceAll(e.Items[0].Error(), "\n", "; ")
	return fmt.Sprintf("%s (%d of %d items failed)", first, len(e.Items), e.Total)
}

// Unwrap returns the errors of the items.
func (e *MapError) Unwrap() []error {
	errs := make([]error, len(e.Items))
	for i, item := range e.Items {
		errs[i] = item
	}
	return errs
}
