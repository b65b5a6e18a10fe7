package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
	"github.com/gothreading/threading/internal/park"
)

// A Client is a session with a server, over one connection: a backend.Backend. Its calls are in call.go.
type Client struct {
	addr string
	conn net.Conn
	out  writer
	in   frames // of whoever is reading

	guard park.Guard
	state session
	calls map[uint32]*call         // that have no answer yet
	last  uint32                   // id that was given out
	dones map[uint64]chan struct{} // of events, by the call that waits for them

	reading bool             // somebody is
	turns   uint64           // how often somebody began to
	waiting park.List[*call] // for an answer, while another is reading
	sleeper park.List[bool]  // the sentinel, while somebody else reads for long

	closing bool  // Close was called
	broken  error // why there is no connection any more
	done    park.Latch
}

// A session is what the client knows of the present one.
type session struct {
	id       string
	number   uint64
	lost     *park.Latch
	holdings map[uint64]*holding
}

// A holding is what the session has been granted.
type holding struct {
	token  uint64
	number uint64 // of the session
	lost   park.Latch
}

func (h *holding) Token() uint64         { return h.token }
func (h *holding) Lost() <-chan struct{} { return h.lost.Done() }

// Open opens "unix:PATH".
func Open(ctx context.Context, addr string, o backend.Options) (backend.Backend, error) {
	if err := o.Only("unix:", "Label", "AllowUID"); err != nil {
		return nil, err
	}
	if err := supported(); err != nil {
		return nil, err
	}
	path := strings.TrimPrefix(addr, "unix:")
	if path == "" || path[0] == '@' {
		return nil, backend.Errorf(backend.ErrValue, "Open(%q): want the path of a socket, such as unix:/run/app.sock", addr)
	}
	conn, err := dial(ctx, path)
	if err != nil {
		return nil, err
	}
	c := &Client{addr: addr, conn: conn, in: newFrames(conn), calls: make(map[uint32]*call), dones: make(map[uint64]chan struct{})}
	c.out.conn = conn
	if err := c.greet(ctx, o); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("manager: Open(%q): %w", addr, err)
	}
	go c.sentinel()
	return c, nil
}

// dial connects. A server that has not got round to accepting refuses for a while, which is waited out.
func dial(ctx context.Context, path string) (*net.UnixConn, error) {
	var d net.Dialer
	for {
		conn, err := d.DialContext(backend.Sound(ctx), "unix", path)
		switch {
		case err == nil:
			return conn.(*net.UnixConn), nil
		case backend.Ended(ctx):
			return nil, backend.Cause(ctx)
		case busy(err):
			time.Sleep(10 * time.Millisecond)
		case errors.Is(err, os.ErrPermission):
			return nil, &backend.Error{Text: fmt.Sprintf("%v: %v", backend.ErrDenied, err), Errs: []error{backend.ErrDenied, err}}
		default:
			return nil, &backend.Error{Text: fmt.Sprintf("%v: %v", backend.ErrNoServer, err), Errs: []error{backend.ErrNoServer, err}}
		}
	}
}

// greet exchanges the first frames, within ctx.
func (c *Client) greet(ctx context.Context, o backend.Options) (err error) {
	uid, err := peer(c.conn.(*net.UnixConn))
	if err != nil {
		return err
	}
	if uid != 0 && !allowed(uid, o.UIDs) {
		return backend.Errorf(backend.ErrDenied, "the server is of user %d: AllowUID lets it", uid)
	}
	stop := context.AfterFunc(backend.Sound(ctx), func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			err = backend.Cause(ctx)
		}
	}()
	hello := binary.LittleEndian.AppendUint16([]byte(magic), version)
	hello = putString(hello, local.LabelOr(o.Label))
	c.out.frame(hello, nil, false, nil)
	frame, err := c.in.next()
	if err != nil {
		return backend.Errorf(backend.ErrNoServer, "it does not answer as a Manager does: %v", err)
	}
	d := decoder{b: frame}
	if v, err := d.hello(); err != nil {
		return err
	} else if v != version {
		return backend.Errorf(backend.ErrMismatch, "the server speaks version %d of the protocol, this program %d", v, version)
	}
	if status := d.byte(); status != statusOK {
		return d.error()
	}
	c.state = newSession(d.uint(), d.string())
	return d.end()
}

// hello takes off what the first frame begins with.
func (d *decoder) hello() (v uint16, err error) {
	if len(d.b) < len(magic)+2 || string(d.b[:len(magic)]) != magic {
		return 0, protocolError{"the other side does not speak the protocol of a Manager"}
	}
	v = binary.LittleEndian.Uint16(d.b[len(magic):])
	d.b = d.b[len(magic)+2:]
	return v, nil
}

func newSession(number uint64, id string) session {
	return session{id: id, number: number, lost: new(park.Latch), holdings: make(map[uint64]*holding)}
}

func (c *Client) Addr() string { return c.addr }

func (c *Client) ID() string {
	c.guard.Lock()
	defer c.guard.Unlock()
	return c.state.id
}

func (c *Client) Lost() <-chan struct{} {
	c.guard.Lock()
	lost := c.state.lost
	c.guard.Unlock()
	return lost.Done()
}

func (c *Client) Closed() bool {
	c.guard.Lock()
	defer c.guard.Unlock()
	return c.closing || c.broken != nil
}

// Close says goodbye, so that what the session held is free when it returns, and hangs up.
func (c *Client) Close() error {
	c.guard.Lock()
	first := !c.closing && c.broken == nil
	c.closing = true // before the server ends the session, and with it the calls that wait
	c.guard.Unlock()
	if first {
		x := c.newCall(opBye, nil, backend.Wait{Try: true})
		_, _ = x.do()
	}
	c.fail(errClosedHere)
	c.done.Wait()
	return nil
}

var errClosedHere = errors.New("closed here")

// fail ends everything: every call returns, every holding is lost, nothing is read or written any more.
func (c *Client) fail(why error) {
	c.guard.Lock()
	if c.broken != nil {
		c.guard.Unlock()
		return
	}
	c.broken = why
	lost := c.state.losing(c.state.number + 1)
	c.guard.Unlock()

	c.out.stop(why)
	_ = c.conn.Close()
	lost()

	var served park.Chain[*call]
	c.guard.Lock()
	for id, x := range c.calls {
		delete(c.calls, id)
		x.broken = true
		if x.overdue != nil {
			x.overdue.Stop()
		}
		x.finish(&served)
	}
	sleeping := c.sleeper.Front()
	if sleeping != nil {
		c.sleeper.Remove(sleeping)
	}
	c.guard.Unlock()
	served.Wake(park.Granted)
	if sleeping != nil {
		sleeping.Wake(park.Granted)
	}
}

// losing returns what makes known that the session is lost, and what was granted before that of this number. It needs
// the guard; what it returns does not.
func (s session) losing(before uint64) (lost func()) {
	var held []*holding
	for _, h := range s.holdings {
		if h.number < before {
			held = append(held, h)
		}
	}
	return func() {
		for _, h := range held {
			h.lost.Open()
		}
		s.lost.Open()
	}
}

func (c *Client) End(ctx context.Context, id string) error {
	x := c.newCall(opEnd, nil, backend.Wait{Ctx: ctx})
	x.out = putString(x.out, id)
	return x.ask(ctx)
}

func (c *Client) Delete(ctx context.Context, kind backend.Kind, name string) error {
	x := c.newCall(opDelete, nil, backend.Wait{Ctx: ctx})
	x.out = putString(append(x.out, kindNumber(kind)), name)
	return x.ask(ctx)
}

func (c *Client) Objects(ctx context.Context) iter.Seq2[backend.Info, error] {
	return records(ctx, func() *call { return c.newCall(opObjects, nil, backend.Wait{Ctx: ctx}) }, (*decoder).info)
}
