package local

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/park"
)

// A session is everything that a client holds, until it ends. All but its constants is under the ledger's guard.
type session struct {
	id     string
	number uint64 // of the sessions of its client, from 1
	client *Client
	store  *Store

	ended    error       // ErrLost, ErrClosed, or nil while it lives
	over     atomic.Bool // it has ended: for those who look without the guard
	holdings map[*holding]struct{}
	waits    map[*wait]struct{}
	lost     park.Latch // opened when it ends
}

// A holding is an entry of the ledger.
type holding struct {
	session *session
	token   uint64
	since   time.Time
	of      holder

	n          int           // permits,
	place, own *list.Element // and where they stand
	value      []byte        // of an election
	item       *item         // of a queue

	held bool       // under the guard: it is in the ledger
	lost park.Latch // opened if it leaves the ledger with its session
}

func (h *holding) Token() uint64         { return h.token }
func (h *holding) Lost() <-chan struct{} { return h.lost.Done() }

// A holder is an object that can be held.
type holder interface {
	// free gives back what h held, which has left the ledger with its session.
	free(h *holding)
}

// newSession opens one, under the guard.
func (c *Client) newSession() {
	st := c.store
	st.opened++
	s := &session{
		id:       st.prefix + strconv.Itoa(st.opened),
		number:   1,
		client:   c,
		store:    st,
		holdings: make(map[*holding]struct{}),
		waits:    make(map[*wait]struct{}),
	}
	if before := c.session.Load(); before != nil {
		s.number = before.number + 1
	}
	st.sessions[s.id] = s
	c.session.Store(s)
}

func (s *session) party(token uint64, since time.Time) backend.Party {
	return backend.Party{Session: s.id, Label: s.client.label, Token: token, Since: since}
}

// enter puts an entry into the ledger, under the guard. It reports false if s has ended: then what was granted has to go
// back.
func (s *session) enter(h *holding) bool {
	if s.ended != nil {
		return false
	}
	h.session, h.token, h.since, h.held = s, s.store.next(), time.Now(), true
	s.holdings[h] = struct{}{}
	return true
}

// leave takes an entry out of the ledger, under the guard. It reports false if it is not there.
func (h *holding) leave() bool {
	if !h.held {
		return false
	}
	h.held = false
	delete(h.session.holdings, h)
	return true
}

// end ends s, and begins another session unless its client is closed. It reports false if s had ended.
func (s *session) end(cause error) bool {
	c, st := s.client, s.store
	st.guard.Lock()
	if s.ended != nil {
		st.guard.Unlock()
		return false
	}
	s.ended = cause
	s.over.Store(true)
	delete(st.sessions, s.id)
	var (
		freed    []*holding
		released []*wait
		locks    = make(map[*lockObject]bool)
	)
	for h := range s.holdings {
		h.leave()
		freed = append(freed, h)
		if l, ok := h.of.(*lockObject); ok {
			locks[l] = true
		}
	}
	for w := range s.waits {
		released = append(released, w)
		if w.lock != nil {
			locks[w.lock] = true
		}
	}
	if cause == backend.ErrLost {
		c.newSession()
	}
	st.guard.Unlock()

	for _, h := range freed {
		h.lost.Open()
	}
	s.lost.Open() // before anybody else can hold what it held
	if c.replaced != nil && cause == backend.ErrLost {
		c.replaced()
	}
	for _, w := range released {
		w.cancel(cause)
	}
	slices.SortFunc(freed, func(a, b *holding) int { return cmp.Compare(b.token, a.token) })
	for _, h := range freed { // the newest first: each claim goes back to the head of its queue
		h.of.free(h)
	}
	for l := range locks {
		l.lookAgain()
	}
	return true
}

// A wait is a call that waits. Its context ends with its limit or its session; nobody else's code is asked for it while
// a guard is held.
type wait struct {
	session *session
	since   time.Time
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	lock    *lockObject // whose conditions look again if the session ends

	in         *waits
	prev, next *wait // of the object
}

// waits are those of one object, in order of arrival.
type waits struct{ first, last *wait }

// begin makes a wait of s for an object. It returns the session's end if that has come.
func (s *session) begin(b *base, limit backend.Wait, lock *lockObject) (*wait, error) {
	return s.beginUnder(b, limit, lock, nil)
}

// beginUnder is begin, and locks a guard of the object at the same instant: so whoever is known to wait has its place
// before all that come later.
func (s *session) beginUnder(b *base, limit backend.Wait, lock *lockObject, guard *park.Guard) (*wait, error) {
	parent := context.Background()
	if limit.Ctx != nil {
		parent = backend.Sound(limit.Ctx)
	}
	w := &wait{session: s, since: time.Now(), lock: lock, in: &b.waiting}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	if limit.After > 0 {
		w.timer = time.AfterFunc(limit.After, func() { w.cancel(backend.ErrGaveUp) })
	}
	if ended := w.list(guard); ended != nil {
		w.stop() // which may call what others wrote, and so without the guard
		return nil, ended
	}
	return w, nil
}

// list enters the wait in the ledger and locks the guard, if there is one, or returns that its session has ended.
func (w *wait) list(guard *park.Guard) (ended error) {
	s := w.session
	s.store.guard.Lock()
	defer s.store.guard.Unlock()
	if s.ended != nil {
		return s.ended
	}
	s.waits[w] = struct{}{}
	w.prev = w.in.last
	if w.prev == nil {
		w.in.first = w
	} else {
		w.prev.next = w
	}
	w.in.last = w
	if guard != nil {
		guard.Lock()
	}
	return nil
}

func (w *wait) stop() {
	w.cancel(nil)
	if w.timer != nil {
		w.timer.Stop()
	}
}

// finish ends a wait. It returns why it ended if it was not granted: the end of the session, or ErrGaveUp.
func (w *wait) finish() error {
	w.stop()
	s := w.session
	s.store.guard.Lock()
	defer s.store.guard.Unlock()
	delete(s.waits, w)
	if w.prev == nil {
		w.in.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		w.in.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	if s.ended != nil {
		return s.ended
	}
	return backend.ErrGaveUp
}

// onEnd calls f when s ends, or at once if it has, unless the result is called first.
func (s *session) onEnd(f func()) (stop func()) {
	w := &wait{session: s, cancel: func(error) { f() }}
	s.store.guard.Lock()
	ended := s.ended != nil
	if !ended {
		s.waits[w] = struct{}{}
	}
	s.store.guard.Unlock()
	if ended {
		f()
	}
	return func() {
		s.store.guard.Lock()
		defer s.store.guard.Unlock()
		delete(s.waits, w)
	}
}
