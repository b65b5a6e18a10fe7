package pool

import (
	"context"
	"sync/atomic"

	"github.com/gothreading/threading/thread"
)

// A part is some items of a Map or IMap, which a worker calls one after the
// other.
//
// Which item is next, and where the last one ends, is one word. So others may
// take items from the end while the worker is in a call, however long that
// takes, and stop it between two items: nobody is held up by an item of others.
type part[In, Out any] struct {
	fn       func(context.Context, In) (Out, error)
	in       []In
	out      []Out
	first    int           // index of in[0] in the whole input
	word     atomic.Uint64 // the next item, and the end, which may be before it
	fail     func(e *ItemError, panics bool)
	progress *progress

	// The worker's.
	asked   bool
	gone    error // why nothing is called
	at      int   // the item in hand, and so how many have been called
	kept    int   // those before this one have begun for others, see Keep
	more    bool  // there is one
	calling bool  // items are being called
	notes   any   // see crew.Part
}

const (
	endBits = 32
	endMask = 1<<endBits - 1
	// maxPart is how many items a part can have: the next item may be counted
	// beyond the end.
	maxPart = 1<<(endBits-1) - 1
)

// assign gives the part its items. The first of them is begun with that, so that
// nobody can take it: each part that was started has something to do.
func (p *part[In, Out]) assign(in []In, out []Out, first int) {
	p.in, p.out, p.first, p.more = in, out, first, true
	p.word.Store(1<<endBits | uint64(len(in)))
}

// take begins the next item.
func (p *part[In, Out]) take() {
	if p.at+1 < p.kept {
		p.at++
		return
	}
	w := p.word.Add(1 << endBits)
	p.at = int(w>>endBits) - 1
	p.more = p.at < int(w&endMask)
}

// Keep is a method of crew.Part, for the worker. What it keeps counts as begun:
// the next item is behind that.
func (p *part[In, Out]) Keep(n int) (items, values any) {
	for {
		w := p.word.Load()
		next, end := int(w>>endBits), int(w&endMask)
		p.kept = min(p.at+1+n, max(next, end))
		if p.word.CompareAndSwap(w, uint64(p.kept)<<endBits|uint64(end)) {
			return p.in[p.at:p.kept], p.out[p.at:p.kept]
		}
	}
}

// Skip is a method of crew.Part.
func (p *part[In, Out]) Skip(n int) {
	p.at += n
	p.progress.count(n)
}

// Notes is a method of crew.Part.
func (p *part[In, Out]) Notes() *any { return &p.notes }

// left returns how many items have not begun.
func (p *part[In, Out]) left() int {
	w := p.word.Load()
	return int(w&endMask) - int(w>>endBits)
}

// spare takes away half of the items that have not begun, and no fewer than so
// many, if there are. It reports whether there were any.
func (p *part[In, Out]) spare(least int) (from, to int, ok bool) {
	for {
		w := p.word.Load()
		next, end := w>>endBits, w&endMask
		if next >= end {
			return 0, 0, false
		}
		first := end - min(end-next, max((end-next+1)/2, uint64(least)))
		if p.word.CompareAndSwap(w, next<<endBits|first) {
			return int(first), int(end), true
		}
	}
}

// stop keeps what has not begun from being begun.
func (p *part[In, Out]) stop() { p.word.And(^uint64(endMask)) }

// run calls the items, which belong to t. It is called again if one of them
// panicked or ended the goroutine.
func (p *part[In, Out]) run(t *task) {
	if !p.asked {
		p.asked, p.gone = true, ErrGoexit // unless it returns
		p.gone = t.ask()
	}
	if p.gone != nil {
		t.core.withdraw(p.gone, &t.entry)
		return
	}
	if p.calling {
		p.calling = false
		p.ended(ErrGoexit, false)
	}
	over := &t.domain(t.core).over
	if p.progress == nil {
		p.call(t.ctx, over)
	} else {
		p.callAndTell(t.ctx, over)
	}
}

// panicked is called if that panicked.
func (p *part[In, Out]) panicked(err *thread.PanicError) {
	if !p.calling {
		p.gone = err // it was a context
		return
	}
	p.calling = false
	p.ended(err, true)
}

// call calls items until none is left, or all is over.
func (p *part[In, Out]) call(ctx context.Context, over *atomic.Pointer[ending]) {
	p.calling = true
	for p.more && over.Load() == nil {
		v, err := p.fn(ctx, p.in[p.at])
		p.out[p.at] = v
		if err != nil {
			p.fail(&ItemError{Index: p.first + p.at, Err: err}, false)
		}
		p.take()
	}
	p.calling = false
}

// callAndTell is call with progress, which is code of others too.
func (p *part[In, Out]) callAndTell(ctx context.Context, over *atomic.Pointer[ending]) {
	for p.more && over.Load() == nil {
		p.calling = true
		v, err := p.fn(ctx, p.in[p.at])
		p.calling = false
		p.out[p.at] = v
		p.ended(err, false)
	}
	p.progress.tell()
}

// ended notes how the item in hand has ended, and begins the next. Not before
// the failure is told, which may keep it from being begun; and before progress
// is, which may end the goroutine.
func (p *part[In, Out]) ended(err error, panics bool) {
	if err != nil {
		p.fail(&ItemError{Index: p.first + p.at, Err: err}, panics)
	}
	p.take()
	p.progress.add()
}
