package embedded_test

import (
	"net"
	"sync"
	"testing"
)

// A link is what a client has to a server. It can be held up, so that nothing arrives and nothing breaks; it can be reset;
// and it can be cut, which is a reset that lasts.
type link struct {
	l    net.Listener
	to   string
	done chan struct{} // closed when nothing goes through it any more

	guard sync.Mutex
	open  map[net.Conn]bool
	held  chan struct{} // closed when it is let go; nil: it is not held
	down  bool
}

// linked returns a link to an address.
func linked(t testing.TB, to string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{l: l, to: to, open: map[net.Conn]bool{}, done: make(chan struct{})}
	go func() {
		defer close(k.done)
		var wg sync.WaitGroup
		defer wg.Wait()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { k.join(c) })
		}
	}()
	t.Cleanup(k.close)
	return k
}

// close ends it, for good.
func (k *link) close() {
	_ = k.l.Close()
	k.hold(false)
	k.cut(true)
	<-k.done
}

func (k *link) addr() string { return k.l.Addr().String() }

// join carries bytes between a client and the server until either is gone.
func (k *link) join(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", k.to)
	if err != nil {
		return
	}
	defer server.Close()
	k.guard.Lock()
	if k.down {
		k.guard.Unlock()
		return
	}
	k.open[client], k.open[server] = true, true
	k.guard.Unlock()
	defer func() {
		k.guard.Lock()
		defer k.guard.Unlock()
		delete(k.open, client)
		delete(k.open, server)
	}()
	var wg sync.WaitGroup
	wg.Go(func() { k.carry(server, client) })
	k.carry(client, server)
	wg.Wait()
}

func (k *link) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	data := make([]byte, 64<<10)
	for {
		n, err := from.Read(data)
		k.guard.Lock()
		held := k.held
		k.guard.Unlock()
		if held != nil {
			<-held
		}
		if err != nil {
			return
		}
		if _, err := to.Write(data[:n]); err != nil {
			return
		}
	}
}

// hold holds the link up, or lets it go.
func (k *link) hold(is bool) {
	k.guard.Lock()
	defer k.guard.Unlock()
	switch {
	case is && k.held == nil:
		k.held = make(chan struct{})
	case !is && k.held != nil:
		close(k.held)
		k.held = nil
	}
}

// cut cuts the link, or mends it.
func (k *link) cut(is bool) {
	k.guard.Lock()
	k.down = is
	k.guard.Unlock()
	if is {
		k.reset()
	}
}

// reset breaks what is open: what was under way is lost.
func (k *link) reset() {
	k.guard.Lock()
	defer k.guard.Unlock()
	for c := range k.open {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}
