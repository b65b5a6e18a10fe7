package thread_test

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/gothreading/threading/thread"
)

func TestLocalZeroValue(t *testing.T) {
	thread.Go(func() {
		var local thread.Local[int]
		local.Delete()
		if value, ok := local.Lookup(); ok || value != 0 {
			t.Errorf("Lookup() = %d, %v", value, ok)
		}
		if local.Get() != 0 {
			t.Errorf("Get() = %d", local.Get())
		}
		if _, ok := local.Lookup(); !ok {
			t.Error("Get stored nothing")
		}
	}).Join()
}

func TestLocalNewIsCalledOnceInEachThread(t *testing.T) {
	calls := 0
	local := thread.Local[int]{New: func() int {
		calls++
		return 10 * calls
	}}
	for i := 1; i <= 3; i++ {
		thread.Go(func() {
			if _, ok := local.Lookup(); ok || calls != i-1 {
				t.Error("Lookup called New")
			}
			for range 3 {
				if got := local.Get(); got != 10*i {
					t.Errorf("Get() = %d, want %d", got, 10*i)
				}
			}
			local.Set(1)
			if got := local.Get(); got != 1 || calls != i {
				t.Errorf("Get() = %d after Set(1), %d calls", got, calls)
			}
		}).Join()
	}
	thread.Go(func() {
		local.Set(2)
		if local.Get() != 2 || calls != 3 {
			t.Error("New was called though a value was set")
		}
		local.Delete()
		if local.Get() != 40 {
			t.Error("Get after Delete does not begin anew")
		}
	}).Join()
}

func TestLocalNewThatPanicsStoresNothing(t *testing.T) {
	thread.Go(func() {
		local := thread.Local[int]{New: func() int { panic("no") }}
		func() {
			defer func() { _ = recover() }()
			local.Get()
		}()
		if _, ok := local.Lookup(); ok {
			t.Error("a value was stored")
		}
	}).Join()
}

// On a goroutine not started here a value survives whatever threads do, until Delete.
func TestLocalOfAForeignGoroutine(t *testing.T) {
	var local thread.Local[string]
	local.Set("test")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, ok := local.Lookup(); ok {
				t.Error("found the value of another goroutine")
			}
			local.Set("foreign")
			thread.Go(func() { local.Set("thread") }).Join()
			if local.Get() != "foreign" {
				t.Errorf("found %q", local.Get())
			}
			local.Delete()
			if _, ok := local.Lookup(); ok {
				t.Error("found a deleted value")
			}
		})
	}
	wg.Wait()
	if local.Get() != "test" {
		t.Errorf("found %q", local.Get())
	}
}

func TestLocalsAreApart(t *testing.T) {
	thread.Go(func() {
		var a, b thread.Local[int]
		a.Set(1)
		b.Set(2)
		if a.Get() != 1 || b.Get() != 2 {
			t.Errorf("a = %d, b = %d", a.Get(), b.Get())
		}
		a.Delete()
		if b.Get() != 2 {
			t.Errorf("b = %d after a was deleted", b.Get())
		}
	}).Join()
}

// A Local that is garbage takes its values along, in threads that live on and in goroutines not started here, also
// if they refer to it.
func TestGarbageLocalKeepsNoValue(t *testing.T) {
	check := func() {
		value := discarded()
		runtime.GC()
		if value.Value() != nil {
			t.Error("the value outlived its Local")
		}
	}
	thread.Go(check).Join()
	check()
}

type cyclic struct{ local *thread.Local[*cyclic] }

//go:noinline
func discarded() weak.Pointer[cyclic] {
	local := new(thread.Local[*cyclic])
	value := &cyclic{local}
	local.Set(value)
	return weak.Make(value)
}

func TestDeletedValueIsGarbage(t *testing.T) {
	local := new(thread.Local[*[64]byte])
	value := deleted(local)
	runtime.GC()
	if value.Value() != nil {
		t.Error("the value is kept")
	}
	runtime.KeepAlive(local)
}

//go:noinline
func deleted(local *thread.Local[*[64]byte]) weak.Pointer[[64]byte] {
	value := new([64]byte)
	local.Set(value)
	local.Delete()
	return weak.Make(value)
}

// A thread that outlives many a Local, or sets and deletes for ever, collects nothing.
func TestThreadForgetsLocals(t *testing.T) {
	thread.Go(func() {
		for i := range 2000 {
			if discarded(); i%100 == 99 {
				runtime.GC()
			}
		}
		if n := thread.Tables(thread.Current()); n > 500 {
			t.Errorf("the thread remembers %d Locals that are gone", n)
		}
	}).Join()
	thread.Go(func() {
		var local thread.Local[int]
		for range 1000 {
			local.Set(1)
			local.Delete()
		}
		if n := thread.Tables(thread.Current()); n != 1 {
			t.Errorf("the thread remembers one Local %d times", n)
		}
	}).Join()
}

func TestThreadDropsAllOfManyLocals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locals := make([]thread.Local[*[64]byte], 50)
		var values []weak.Pointer[[64]byte]
		thread.Go(func() {
			for i := range locals {
				value := new([64]byte)
				values = append(values, weak.Make(value))
				locals[i].Set(value)
			}
		}).Join()
		synctest.Wait()
		runtime.GC()
		for i, value := range values {
			if value.Value() != nil {
				t.Errorf("value %d is kept", i)
			}
		}
		runtime.KeepAlive(locals)
	})
}

// One Local at package level serves the outside and one bubble after another.
func TestLocalInBubbles(t *testing.T) {
	for range 2 {
		synctest.Test(t, func(*testing.T) {
			packageLevel.Set(1)
			packageLevel.Delete()
			thread.Go(func() { packageLevel.Set(2) }).Join()
		})
	}
	if _, ok := packageLevel.Lookup(); ok {
		t.Error("found a value")
	}
}

var packageLevel thread.Local[int]
