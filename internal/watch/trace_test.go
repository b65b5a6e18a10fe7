//go:build threadingdebug

package watch

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/gothreading/threading/internal/proof/cthread"
)

// noted is what here notes, and what runtime.Callers says, of where it is called.
//
//go:noinline
func noted() (calls, said []uintptr) {
	said = make([]uintptr, settings.stack+1)
	calls = here().calls
	return calls, said[:runtime.Callers(2, said)]
}

// check calls f some times, because only the first time runtime.Callers is asked.
func check(t *testing.T, f func() (calls, said []uintptr)) {
	t.Helper()
	for range 3 {
		if calls, said := f(); !slices.Equal(calls, said) {
			t.Fatalf("noted %x, and it was %x", calls, said)
		}
	}
}

type site struct{ f func() ([]uintptr, []uintptr) }

func (s site) call() (calls, said []uintptr)    { return s.f() }
func (s *site) method() (calls, said []uintptr) { return noted() }

type caller interface {
	call() (calls, said []uintptr)
}

func generic[T any](T) (calls, said []uintptr) { return noted() }

func inlined() (calls, said []uintptr) { return noted() }

// climb comes to noted on one of 4 ways at each of some calls.
//
//go:noinline
func climb(calls, way int) ([]uintptr, []uintptr) {
	if calls == 0 {
		return noted()
	}
	var found, said []uintptr
	switch way % 4 {
	case 0:
		found, said = climb(calls-1, way/4)
	case 1:
		found, said = climb(calls-1, way/4)
	case 2:
		found, said = climb(calls-1, way/4)
	case 3:
		found, said = climb(calls-1, way/4)
	}
	return found, said
}

func TestTheCallsThatAreNotedAreThoseOfTheRuntime(t *testing.T) {
	if !readable && runtime.GOARCH == "amd64" {
		t.Error("frame pointers are not read")
	}
	check(t, noted)
	check(t, inlined)
	check(t, func() (calls, said []uintptr) { return inlined() })
	check(t, new(site).method)
	check(t, caller(site{inlined}).call)
	check(t, func() (calls, said []uintptr) { return generic(1) })
	check(t, func() (calls, said []uintptr) { return generic("") })
	check(t, func() (calls, said []uintptr) {
		defer func() {
			_ = recover()
			calls, said = noted()
		}()
		panic("on purpose")
	})
	check(t, func() (calls, said []uintptr) { // at the outer end of a stack
		var wg sync.WaitGroup
		wg.Add(1)
		go func() { defer wg.Done(); calls, said = noted() }()
		wg.Wait()
		return calls, said
	})
	check(t, func() (calls, said []uintptr) { // above calls of C
		cthread.Run(func() { calls, said = noted() })
		return calls, said
	})
	// More ways than are remembered.
	for way := range 3 * len(recent) {
		check(t, func() (calls, said []uintptr) { return climb(7, way) })
	}
}
