package local

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/gothreading/threading/internal/backend"
)

// A Client is a backend.Backend: a session with a Store, and the next one when that was ended by another.
type Client struct {
	store    *Store
	addr     string
	label    string
	replaced func() // is called when a session has ended and the next has begun; may be nil
	closing  func() // is called by Close; may be nil

	session atomic.Pointer[session] // the present one, or the last; changes under the ledger's guard

	// Under the ledger's guard.
	isClosed bool
	closers  map[*func()]struct{}
}

var _ backend.Backend = (*Client)(nil)

// NewClient opens a session. addr is what Addr returns. replaced, if it is not nil, is called when a session was ended by
// another and the next has begun, and closing by Close.
func (st *Store) NewClient(addr, label string, replaced, closing func()) *Client {
	c := &Client{store: st, addr: addr, label: label, replaced: replaced, closing: closing, closers: make(map[*func()]struct{})}
	st.guard.Lock()
	defer st.guard.Unlock()
	c.newSession()
	return c
}

// OnClose calls f when c is closed, or at once if it is, unless the result is called first.
func (c *Client) OnClose(f func()) (stop func()) {
	key := &f
	c.store.guard.Lock()
	closed := c.isClosed
	if !closed {
		c.closers[key] = struct{}{}
	}
	c.store.guard.Unlock()
	if closed {
		f()
	}
	return func() {
		c.store.guard.Lock()
		defer c.store.guard.Unlock()
		delete(c.closers, key)
	}
}

// Knows makes the codec known to the objects of registered types.
func (st *Store) Knows(codec backend.Codec) { st.codecs.LoadOrStore(codec.Name(), codec) }

// Store returns what c is a session with.
func (c *Client) Store() *Store { return c.store }

// present returns the present session, or ErrClosed.
func (c *Client) present() (*session, error) {
	s := c.session.Load()
	if s.over.Load() {
		if s = c.session.Load(); s.over.Load() { // there is no other, or it has ended too by now
			c.store.guard.Lock()
			defer c.store.guard.Unlock()
			if s = c.session.Load(); s.ended != nil {
				return nil, s.ended
			}
		}
	}
	return s, nil
}

func (c *Client) Addr() string          { return c.addr }
func (c *Client) ID() string            { return c.session.Load().id }
func (c *Client) Lost() <-chan struct{} { return c.session.Load().lost.Done() }

func (c *Client) End(ctx context.Context, id string) error {
	if err := c.may(ctx); err != nil {
		return err
	}
	c.store.guard.Lock()
	s := c.store.sessions[id]
	c.store.guard.Unlock()
	if s == nil || !s.end(backend.ErrLost) {
		return backend.Errorf(backend.ErrNotFound, "session %q", id)
	}
	return nil
}

func (c *Client) Objects(ctx context.Context) iter.Seq2[backend.Info, error] {
	return func(yield func(backend.Info, error) bool) {
		if err := c.may(ctx); err != nil {
			yield(backend.Info{}, err)
			return
		}
		c.store.all(ctx)(yield)
	}
}

func (c *Client) Delete(ctx context.Context, kind backend.Kind, name string) error {
	if err := c.may(ctx); err != nil {
		return err
	}
	return c.store.remove(kind, name)
}

func (c *Client) Close() error {
	// A session that another ends at this moment is followed by a new one.
	for !c.session.Load().end(backend.ErrClosed) && !c.Closed() {
	}
	c.store.guard.Lock()
	c.isClosed = true
	closers := c.closers
	c.closers = nil
	c.store.guard.Unlock()
	for f := range closers {
		(*f)()
	}
	if c.closing != nil {
		c.closing()
	}
	return nil
}

func (c *Client) Closed() bool {
	_, err := c.present()
	return err != nil
}

// may returns what is against a call that does not wait: that c is closed, or that ctx has ended.
func (c *Client) may(ctx context.Context) error {
	if _, err := c.present(); err != nil {
		return err
	}
	if backend.Ended(ctx) {
		return backend.Cause(ctx)
	}
	return nil
}

// A ref is a handle of an object.
type ref struct {
	client  *Client
	spec    backend.Spec
	checked atomic.Bool // the parameters were compared
}

// enter begins a call: under this session, inside this object.
func (r *ref) enter() (*session, object, error) {
	s, err := r.client.present()
	if err != nil {
		return nil, nil, err
	}
	o, err := r.client.store.enter(&r.spec, &r.checked)
	return s, o, err
}

// enterFor is enter for a call that does not wait.
func (r *ref) enterFor(ctx context.Context) (*session, object, error) {
	s, err := r.client.present()
	if err != nil {
		return nil, nil, err
	}
	if backend.Ended(ctx) {
		return nil, nil, backend.Cause(ctx)
	}
	o, err := r.client.store.enter(&r.spec, &r.checked)
	return s, o, err
}

// enterToResize is enterFor where the number that is to be changed may be another.
func (r *ref) enterToResize(ctx context.Context, n int) (object, error) {
	if err := r.client.may(ctx); err != nil {
		return nil, err
	}
	spec := r.spec
	if found, ok := r.client.store.objects.Load(id{spec.Kind, spec.Name}); ok {
		r.client.store.guard.Lock()
		spec.N = found.(object).common().n
		r.client.store.guard.Unlock()
	} else {
		spec.N = n
	}
	return r.client.store.enter(&spec, &r.checked)
}

// Session returns the number of the present session, counted from 1, and its id.
func (c *Client) Session() (number uint64, id string) {
	s := c.session.Load()
	return s.number, s.id
}

// Number returns the number of the session that was granted h.
func Number(h backend.Holding) uint64 {
	switch h := h.(type) {
	case *holding:
		return h.session.number
	case permits:
		return h.number
	}
	return 0
}

// Checked says that the parameters of an object were compared before, elsewhere.
func Checked(object any) {
	if r, ok := object.(interface{ check() }); ok {
		r.check()
	}
}

func (r *ref) check() { r.checked.Store(true) }
