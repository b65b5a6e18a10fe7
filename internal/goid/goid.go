// Package goid tells goroutines apart.
//
// Go gives goroutines no public identity. The id is in the header that
// runtime.Stack prints, which is certain and takes microseconds, and in the
// runtime's g struct, from which github.com/petermattis/goid reads it in about
// a nanosecond, at an offset that a new Go release may change. A wrong id, and
// perhaps another goroutine's, would make two owners of one lock. So the fast
// way is used only after it has been compared with the certain one in this very
// process, and never again once they differed.
//
// An id is never 0, and is not given to a second goroutine after the first has
// ended. But a goroutine can stand for more than one thread that C started: the
// runtime keeps one for the callbacks of such a thread, and gives it to another
// when the first has ended; where it cannot bind them (on Windows) it does so
// after every callback. Whoever relies on ids must say so.
package goid

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/petermattis/goid"
)

// Get returns the id of the calling goroutine.
func Get() uint64 {
	if id := Fast(); id != 0 {
		return id
	}
	return process.id()
}

// Fast is like Get where that is fast, and returns 0 where it is not, or not
// yet. It is small enough to be inlined, for those whose every call needs an
// id.
func Fast() uint64 {
	if process.verdict.Load() != trusted {
		return 0
	}
	return uint64(goid.Get())
}

// Certain returns the id of the calling goroutine as runtime.Stack tells it. It
// takes microseconds but proves nothing first, so that the initialization of a
// package can call it without starting a goroutine.
func Certain() uint64 {
	var buf [64]byte
	header := buf[:runtime.Stack(buf[:], false)]
	rest, found := bytes.CutPrefix(header, []byte("goroutine "))
	digits, _, ended := bytes.Cut(rest, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if !found || !ended || err != nil || id == 0 {
		panic("goid: runtime.Stack begins with " + strconv.Quote(string(header)) + ", which names no goroutine")
	}
	return id
}

// process is the proof of goid.Get in this process.
var process = proof{fast: goid.Get}

// A proof decides, when an id is first needed, whether a fast way to it can be
// trusted.
type proof struct {
	fast    func() int64
	once    sync.Once
	verdict atomic.Uint32
}

const (
	unproven uint32 = iota
	trusted
	distrusted
)

func (p *proof) id() uint64 {
	p.once.Do(func() {
		if holds(p.fast) {
			p.verdict.Store(trusted)
		} else {
			p.verdict.Store(distrusted)
		}
	})
	if p.verdict.Load() == trusted {
		return uint64(p.fast())
	}
	return Certain()
}

// holds compares the fast way with the certain one on the calling goroutine and
// on a fresh one. One goroutine is not enough: a constant would pass.
func holds(fast func() int64) bool {
	if uint64(fast()) != Certain() {
		return false
	}
	fresh := make(chan bool) // made here, so that it belongs to the synctest bubble of the caller, if there is one
	go func() { fresh <- uint64(fast()) == Certain() }()
	return <-fresh
}
