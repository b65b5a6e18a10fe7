// Package goid tells goroutines apart.
//
// Go gives goroutines no public identity. The id is in the header that runtime.Stack prints, which is certain and takes
// microseconds, and in the runtime's own description of the goroutine, where github.com/petermattis/goid reads it
// within a nanosecond at an offset that is right until a new version of Go moves the field. An id that is wrong, and
// therefore perhaps somebody else's, would make two owners of one lock. So the fast way is used only after it has been
// compared with the certain one in this very process, and never again once they differed.
//
// An id is never 0, and is not given to a second goroutine after the first has ended.
//
// # Two identities
//
// The body of a coroutine has a goroutine of its own, but it runs only while somebody waits for it in a call: what it
// does, it does in the name of its caller, like any function. So there are two questions. Own says which goroutine
// this is: for schedulers, and for what may be called on one goroutine only. Get says in whose name it runs: who owns a
// lock, which thread is the current one. They differ on the goroutine of a [Follower] alone.
package goid

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/petermattis/goid"
)

// Get returns the id of the goroutine in whose name the calling code runs: the leader's on the goroutine of a Follower,
// else that of the calling goroutine.
func Get() uint64 {
	id := uint64(goid.Get())
	switch mark := atomic.LoadUint32(&marks[id%buckets]); {
	case mark == proven:
		return id
	case mark&proven != 0:
		return leader(id)
	}
	return leader(Own())
}

// Fast returns what Get does, and true, where that is fast. It returns false where it is not, or not yet, or where the
// goroutine may be that of a Follower. It is small enough to be inlined, for those whose every call needs an id.
func Fast() (id uint64, ok bool) {
	id = uint64(goid.Get())
	return id, atomic.LoadUint32(&marks[id%buckets]) == proven
}

// Own returns the id of the calling goroutine itself.
func Own() uint64 {
	if process.verdict.Load() == trusted {
		return uint64(goid.Get())
	}
	return process.id()
}

// Certain returns the id of the calling goroutine as runtime.Stack tells it. It takes microseconds but proves nothing
// first, so that the initialization of a package can call it without starting a goroutine.
func Certain() uint64 {
	header := description()
	rest, found := bytes.CutPrefix(header, []byte("goroutine "))
	digits, _, ended := bytes.Cut(rest, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if !found || !ended || err != nil || id == 0 {
		panic("goid: runtime.Stack begins with " + strconv.Quote(string(header)) + ", which names no goroutine")
	}
	return id
}

// marks answers with a single load what Fast asks: whether the fast way was proven, and whether no Follower has an id of
// this bucket. A mark is 1 once the fast way is proven, and 2 more for each Follower; so it is 1 only if both are so, and
// never where the fast way was found wrong. (It is no atomic.Uint32 because Fast would then be too large to be inlined.)
var marks [buckets]uint32

const (
	buckets          = 2048
	proven    uint32 = 1
	following uint32 = 2
)

// process is the proof of goid.Get in this process.
var process = proof{fast: goid.Get, proven: func() {
	for i := range marks {
		atomic.AddUint32(&marks[i], proven)
	}
}}

// A proof decides, when an id is first needed, whether a fast way to it can be trusted.
type proof struct {
	fast    func() int64
	proven  func() // is called once if it can be trusted; nil: nothing is to be done
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
		if !holds(p.fast) {
			p.verdict.Store(distrusted)
			return
		}
		p.verdict.Store(trusted)
		if p.proven != nil {
			p.proven()
		}
	})
	if p.verdict.Load() == trusted {
		return uint64(p.fast())
	}
	return Certain()
}

// holds compares the fast way with the certain one on the calling goroutine and on a fresh one. One goroutine is not
// enough: a constant would pass.
func holds(fast func() int64) bool {
	if uint64(fast()) != Certain() {
		return false
	}
	fresh := make(chan bool) // made here, so that it belongs to the synctest bubble of the caller, if there is one
	go func() { fresh <- uint64(fast()) == Certain() }()
	return <-fresh
}
