package wire

import (
	"encoding/binary"
	"net"

	"github.com/gothreading/threading/internal/park"
)

// A writer writes the frames of many goroutines to a connection. Whoever finds nobody writing writes for all who come
// meanwhile.
type writer struct {
	conn  net.Conn
	guard park.Guard
	buf   []byte // frames that nobody is writing yet
	spare []byte // a buffer for the next
	busy  bool   // somebody is writing
	err   error  // why nothing more is written

	added, taken, written uint64 // bytes, ever: put into buf, given to the connection, and known to have arrived there
	undos                 []undo // of frames that have not been written
	room                  park.List[struct{}]
}

// An undo is to be called if the frame that ends there cannot be written.
type undo struct {
	end  uint64
	call func()
}

var writers park.Pool[struct{}]

// frame adds a frame of head and body and returns where in the stream it begins. Unless later, it is written at once, or
// soon by whoever is writing; or else by flush. undo, if not nil, is called if that fails.
func (w *writer) frame(head, body []byte, later bool, undone func()) (begin uint64) {
	w.guard.Lock()
	if w.err != nil {
		begin = w.added
		w.guard.Unlock()
		if undone != nil {
			undone()
		}
		return begin
	}
	begin = w.added
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(len(head)+len(body)))
	w.buf = append(w.buf, head...)
	w.buf = append(w.buf, body...)
	w.added += uint64(4 + len(head) + len(body))
	if undone != nil {
		w.undos = append(w.undos, undo{w.added, undone})
	}
	if later || w.busy {
		w.guard.Unlock()
		return begin
	}
	w.write()
	return begin
}

// flush writes what was put off. It is called without the guard.
func (w *writer) flush() {
	w.guard.Lock()
	if w.busy || len(w.buf) == 0 || w.err != nil {
		w.guard.Unlock()
		return
	}
	w.write()
}

// write writes all there is, with the guard held, and releases it.
func (w *writer) write() {
	w.busy = true
	for len(w.buf) > 0 && w.err == nil {
		out := w.buf
		w.buf, w.spare = w.spare[:0], nil
		w.taken = w.added
		w.guard.Unlock()
		n, err := w.conn.Write(out)
		w.guard.Lock()
		w.written += uint64(n)
		if cap(out) <= mostUnsent {
			w.spare = out
		}
		w.forget()
		if err != nil && w.err == nil {
			w.err = err
		}
		w.letIn()
	}
	w.busy = false
	failed := w.failed()
	w.guard.Unlock()
	for _, u := range failed {
		u.call()
	}
}

// forget drops the undos of what has been written, under the guard.
func (w *writer) forget() {
	n := 0
	for n < len(w.undos) && w.undos[n].end <= w.written {
		n++
	}
	if w.undos = w.undos[n:]; len(w.undos) == 0 {
		w.undos = nil
	}
}

// failed takes the undos if there is an error, under the guard.
func (w *writer) failed() (all []undo) {
	if w.err != nil {
		all, w.undos = w.undos, nil
	}
	return all
}

// letIn wakes those who wait for room, under the guard.
func (w *writer) letIn() {
	if len(w.buf) < mostUnsent || w.err != nil {
		var all park.Chain[struct{}]
		w.room.TakeAll(&all)
		all.Wake(park.Granted)
	}
}

// await waits until less than mostUnsent is to be written, or nothing can be.
func (w *writer) await() {
	w.guard.Lock()
	if len(w.buf) < mostUnsent || w.err != nil {
		w.guard.Unlock()
		return
	}
	p := writers.Get(park.Forever)
	w.room.PushBack(p)
	p.Sleep(&w.guard)
	writers.Put(p)
}

// stop makes every later frame fail, and those that nobody is writing.
func (w *writer) stop(err error) {
	w.guard.Lock()
	if w.err == nil {
		w.err = err
	}
	var failed []undo
	if !w.busy {
		failed = w.failed()
	}
	w.letIn()
	w.guard.Unlock()
	for _, u := range failed {
		u.call()
	}
}

// sent reports whether a frame that begins there was given to the connection.
func (w *writer) sent(begin uint64) bool {
	w.guard.Lock()
	defer w.guard.Unlock()
	return begin < w.taken
}
