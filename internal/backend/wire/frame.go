// Package wire takes the objects of package local to other processes of the machine: a server that offers a Store on a
// Unix socket, and a client that is a backend.Backend.
//
// # The protocol
//
// A connection is a session's: when it breaks, the session ends on both sides. Both sides send frames, a length and so
// many bytes. The first one each way is a hello, which begins with magic and the version. Then a request is
//
//	u32 id, u8 op, u8 form, [uvarint ns, if the form is after], the object's spec, arguments
//
// and its answer
//
//	u32 id, u8 status, body
//
// in little endian. Answers come in any order. A request says all that the server has to know, so nothing has to be
// opened before and nothing goes stale. Frames with other ids:
//
//   - opCancel, with the id of a request that waits: the caller gives up. The server decides the race and answers the
//     request, with what was granted or with statusGaveUp; it does not answer the cancel. So giving up is exact.
//   - id 0 from the server: the session was ended by another (End), and this is the next one; or, as the last frame, why
//     the connection is closed.
//   - statusAct, for a request that goes on: the caller is the last to arrive at a barrier and has to run its action; it
//     says opActed.
//   - opNext and opClose, for a request that yields much (see cursor).
//
// A request is sent once and never again. When the connection breaks, the caller of a request that changes something
// and was sent does not know whether it happened: ErrUnknown. Nobody reconnects: what was held is gone, and that is for
// the program to see.
//
// # What a hostile or a slow peer can do
//
// A frame is at most maxFrame long, and memory for it is made as its bytes arrive. What cannot be decoded ends the
// connection, with a last frame that says why. A client that does not read what it is sent stops its own requests, and
// nobody else's: its answers wait in its connection, mostUnsent bytes of them, and then nothing more is read from it. It
// may have mostCalls waiting, and mostCursors open.
package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/gothreading/threading/internal/backend"
)

const (
	magic   = "threading.manager\n"
	version = 1

	// MaxValue is the size of the largest value that fits into a frame.
	MaxValue = 16 << 20
	maxFrame = MaxValue + 64<<10 // with a name, a key, and what else there is

	mostUnsent  = 1 << 20
	mostCursors = 1 << 12
)

// mostCalls is a variable for a test.
var mostCalls = 1 << 16

// A protocolError is what ends a connection.
type protocolError struct{ text string }

func (e protocolError) Error() string { return "manager: " + e.text }

// A frames reads frames.
type frames struct {
	r    *bufio.Reader
	last int    // bytes of the last frame that are still in r
	big  []byte // a frame that does not fit into r
}

func newFrames(r io.Reader) frames { return frames{r: bufio.NewReaderSize(r, 16<<10)} }

// next returns the next frame, which is valid until the call after.
func (f *frames) next() ([]byte, error) {
	_, _ = f.r.Discard(f.last)
	f.last = 0
	head, err := f.r.Peek(4)
	if err != nil {
		return nil, partly(err, len(head))
	}
	n := int64(binary.LittleEndian.Uint32(head))
	if n > maxFrame {
		return nil, protocolError{fmt.Sprintf("a frame of %d bytes: want at most %d", n, maxFrame)}
	}
	if int(n)+4 <= f.r.Size() {
		frame, err := f.r.Peek(int(n) + 4)
		if err != nil {
			return nil, partly(err, len(frame))
		}
		f.last = len(frame)
		return frame[4:], nil
	}
	_, _ = f.r.Discard(4)
	return f.readBig(int(n))
}

// readBig makes room for a frame as it arrives: who announces much and sends little gets little.
func (f *frames) readBig(n int) ([]byte, error) {
	frame := f.big[:0]
	f.big = nil
	for len(frame) < n {
		if len(frame) == cap(frame) {
			more := make([]byte, len(frame), min(n, max(2*cap(frame), 64<<10)))
			copy(more, frame)
			frame = more
		}
		got, err := f.r.Read(frame[len(frame):min(cap(frame), n)])
		frame = frame[:len(frame)+got]
		if err != nil && len(frame) < n {
			return nil, partly(err, 1)
		}
	}
	if cap(frame) <= 256<<10 {
		f.big = frame
	}
	return frame, nil
}

// buffered reports whether a whole frame can be had without reading.
func (f *frames) buffered() bool {
	ready := f.r.Buffered() - f.last
	if ready < 4 {
		return false
	}
	head, _ := f.r.Peek(f.last + 4)
	n := int64(binary.LittleEndian.Uint32(head[f.last:]))
	return int64(ready) >= n+4
}

// partly turns the end of the stream inside of a frame into an error that says so.
func partly(err error, read int) error {
	if err == io.EOF && read > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// These append to a frame.
func putUint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }
func putInt(b []byte, n int64) []byte   { return binary.AppendVarint(b, n) }

func putBytes(b, p []byte) []byte { return append(putUint(b, uint64(len(p))), p...) }

func putString(b []byte, s string) []byte { return append(putUint(b, uint64(len(s))), s...) }

func putBool(b []byte, is bool) []byte {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
}

// A decoder takes a frame apart. After something that is not there, everything is zero and bad says so.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) bool() bool { return d.byte() != 0 }

func (d *decoder) u32() uint32 {
	if len(d.b) < 4 {
		d.fail()
		return 0
	}
	n := binary.LittleEndian.Uint32(d.b)
	d.b = d.b[4:]
	return n
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) int64() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

// int fails if the number does not fit.
func (d *decoder) int() int {
	n := d.int64()
	if n > math.MaxInt || n < math.MinInt {
		d.fail()
		return 0
	}
	return int(n)
}

// bytes returns a part of the frame.
func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) string() string { return string(d.bytes()) }

// rest returns what is left.
func (d *decoder) rest() []byte {
	p := d.b
	d.b = nil
	return p
}

// end returns an error unless everything was there, and nothing is left.
func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return protocolError{"a frame that makes no sense"}
	}
	return nil
}

// The flags of a spec.
const (
	flagChecked = 1 << iota
	flagJoinable
	flagOrder // and the bit after it
)

func putSpec(b []byte, s backend.Spec, checked bool) []byte {
	flags := byte(s.Order) * flagOrder
	if checked {
		flags |= flagChecked
	}
	if s.Joinable {
		flags |= flagJoinable
	}
	b = append(b, kindNumber(s.Kind), flags)
	b = putString(b, s.Name)
	b = putString(b, s.Codec)
	b = putInt(b, int64(s.N))
	b = append(b, kindNumber(s.LockKind))
	b = putString(b, s.Lock)
	b = putString(b, s.Type)
	return putUint(b, uint64(s.MaxDeliveries))
}

func (d *decoder) spec() (s backend.Spec, checked bool) {
	s.Kind = d.kind()
	flags := d.byte()
	s.Order, s.Joinable = backend.Order(flags/flagOrder), flags&flagJoinable != 0
	s.Name, s.Codec, s.N = d.string(), d.string(), d.int()
	s.LockKind, s.Lock, s.Type = d.kind(), d.string(), d.string()
	s.MaxDeliveries = int(min(d.uint(), math.MaxInt32))
	return s, flags&flagChecked != 0
}

// kindNumber returns the number of a kind, or 0 for none.
func kindNumber(k backend.Kind) byte {
	for i, other := range backend.Kinds {
		if other == k {
			return byte(i + 1)
		}
	}
	return 0
}

func (d *decoder) kind() backend.Kind {
	n := int(d.byte())
	switch {
	case n == 0:
		return ""
	case n > len(backend.Kinds):
		d.fail()
		return ""
	}
	return backend.Kinds[n-1]
}
