package socketserver

import (
	"context"
	"errors"
	"net"
)

// A Packet is one that a handler of a [PacketServer] serves. It must not be copied.
//
//	self.request[0]          Data
//	self.request[1].sendto   Write
//	self.client_address      RemoteAddr
type Packet struct {
	Data []byte // what was received; it is the handler's own, also after its return

	from   net.Addr
	server *PacketServer
	task   job
}

// RemoteAddr returns the address of the sender. It is nil if the sender has none,
// such as a Unix socket that is not bound.
func (p *Packet) RemoteAddr() net.Addr { return p.from }

// Write sends one packet back to the sender. It fails if the sender has no
// address.
func (p *Packet) Write(b []byte) (int, error) {
	if p.from == nil {
		return 0, errors.New("socketserver: Write to a client without an address: a client of a Unix socket must bind")
	}
	return p.server.conn.WriteTo(b, p.from)
}

// Context returns the context of the handler. It is like that of a [Conn].
func (p *Packet) Context() context.Context { return p.task.context() }

func (p *Packet) job() *job       { return &p.task }
func (p *Packet) name() string    { return addrText(p.from) }
func (p *Packet) needsLook() bool { return false }
func (p *Packet) serve() error    { return p.server.handle(p) }
func (p *Packet) close()          {}
func (p *Packet) cut()            {}

func (p *Packet) tell(err error) {
	local := p.server.Addr()
	p.server.onError(nil, &net.OpError{Op: "handle", Net: local.Network(), Source: local, Addr: p.from, Err: err})
}
