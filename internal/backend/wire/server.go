package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
)

// A server offers a Store on one listener.
type server struct {
	store *local.Store
	uids  []int
	log   *slog.Logger

	guard sync.Mutex
	conns map[*conn]struct{}
	shut  bool
	wg    sync.WaitGroup // of connections
}

// helloTime is for how long a client may take to say hello. It is a variable for a test.
var helloTime = 10 * time.Second

// Listen makes a socket in a folder of its own that only this user can enter. remove removes both.
func Listen() (l *net.UnixListener, remove func(), err error) {
	if err := supported(); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "manager-")
	if err == nil && len(dir) > 90 { // the path of a socket is short
		_ = os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "manager-")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("manager: a folder for the socket: %w", err)
	}
	l, err = net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/socket", Net: "unix"})
	if err == nil {
		err = os.Chmod(dir+"/socket", 0o600)
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, fmt.Errorf("manager: the socket: %w", err)
	}
	return l, func() { _ = os.RemoveAll(dir) }, nil
}

// Serve serves until ctx ends, and returns its cause, or until the listener fails. Either way the listener and all
// connections are closed when it returns.
func Serve(ctx context.Context, store *local.Store, l net.Listener, o backend.Options) error {
	if err := o.Only("Serve", "AllowUID", "Logger"); err != nil {
		return err
	}
	if o.Codec != nil {
		return backend.Errorf(backend.ErrValue, "the option WithCodec does not apply to Serve")
	}
	if err := supported(); err != nil {
		return err
	}
	if l == nil {
		return backend.Errorf(backend.ErrInsecure, "Serve on no listener: want a Unix socket, which knows who connects")
	}
	unix, ok := l.(*net.UnixListener)
	if !ok || l.Addr().Network() != "unix" {
		return backend.Errorf(backend.ErrInsecure, "Serve on %s %s: want a Unix socket, which knows who connects", l.Addr().Network(), l.Addr())
	}
	if name := l.Addr().String(); name == "" || name[0] == '@' {
		return backend.Errorf(backend.ErrInsecure, "Serve on the abstract socket %q: want one in a folder, whose permissions protect it", name)
	}
	store.Limit(MaxValue)
	s := &server{store: store, uids: o.UIDs, log: o.Logger, conns: make(map[*conn]struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	stop := context.AfterFunc(backend.Sound(ctx), func() { _ = unix.Close() })
	defer stop()
	err := s.accept(unix)
	_ = unix.Close()
	s.end()
	if backend.Ended(ctx) {
		return backend.Cause(ctx)
	}
	return fmt.Errorf("manager: Serve: %w", err)
}

// accept accepts until the listener is closed. Where the system has no room for a connection it waits until there is.
func (s *server) accept(l *net.UnixListener) error {
	for {
		c, err := l.AcceptUnix()
		switch {
		case err == nil:
			s.wg.Go(func() { s.serve(c) })
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			s.log.Warn("manager: accept", "error", err)
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// end closes all connections and waits until their sessions have ended.
func (s *server) end() {
	s.guard.Lock()
	s.shut = true
	for c := range s.conns {
		_ = c.conn.Close()
	}
	s.guard.Unlock()
	s.wg.Wait()
}

// serve serves a connection until it breaks.
func (s *server) serve(nc *net.UnixConn) {
	c := &conn{
		server:   s,
		conn:     nc,
		in:       newFrames(nc),
		calls:    make(map[uint32]*pending),
		holdings: make(map[uint64]backend.Holding),
		claims:   make(map[uint64]backend.Claim),
		cursors:  make(map[uint32]*cursor),
		dones:    make(map[<-chan struct{}]uint32),
		broken:   make(chan struct{}),
	}
	c.out.conn = nc
	s.guard.Lock()
	if s.shut {
		s.guard.Unlock()
		_ = nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.guard.Unlock()
	defer func() {
		_ = nc.Close()
		s.guard.Lock()
		defer s.guard.Unlock()
		delete(s.conns, c)
	}()

	uid, err := peer(nc)
	if err == nil && !allowed(uid, s.uids) {
		err = backend.Errorf(backend.ErrDenied, "the server is of user %d and does not serve user %d: AllowUID lets it", os.Geteuid(), uid)
	}
	if err == nil {
		err = c.greet()
	} else {
		c.refuse(err)
	}
	if err != nil {
		s.log.Warn("manager: a client was refused", "uid", uid, "error", err)
		return
	}
	defer c.end()
	switch err := c.serve(); {
	case err == io.EOF, errors.Is(err, net.ErrClosed):
	case errors.As(err, new(protocolError)):
		s.log.Warn("manager: a client was cut off", "client", c.label, "error", err)
	default:
		s.log.Info("manager: a connection broke", "client", c.label, "error", err)
	}
}

// greet exchanges the first frames and opens the session.
func (c *conn) greet() error {
	_ = c.conn.SetDeadline(time.Now().Add(helloTime))
	frame, err := c.in.next()
	if err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.refuse(err)
		}
		return err
	}
	d := decoder{b: frame}
	v, err := d.hello()
	if err == nil && v != version {
		err = backend.Errorf(backend.ErrMismatch, "the server speaks version %d of the protocol, the client %d", version, v)
	}
	if err == nil {
		c.label = d.string()
		err = d.end()
	}
	if err != nil {
		c.refuse(err)
		return err
	}
	_ = c.conn.SetDeadline(time.Time{})
	c.guard.Lock() // no note of a session's end goes out before this
	c.client = c.server.store.NewClient("", c.label, c.noted, nil)
	number, id := c.client.Session()
	welcome := append(c.hello(), statusOK)
	c.out.frame(putString(putUint(welcome, number), id), nil, true, nil)
	c.guard.Unlock()
	c.out.flush()
	return nil
}

func (*conn) hello() []byte {
	return binary.LittleEndian.AppendUint16([]byte(magic), version)
}

// refuse says hello, and why this is all.
func (c *conn) refuse(err error) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	c.out.frame(putError(append(c.hello(), statusError), err), nil, false, nil)
}
