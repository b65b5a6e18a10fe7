package shm

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"
)

// Views are files of [Slabs] that have arrived, and are mapped still: they will
// arrive again. At most as many are kept as a sender keeps.
//
// The zero value is empty. Views are for one goroutine at a time.
type Views struct {
	all []*view // the one that arrived last is the last
}

// A view is a file that is mapped until it is closed, or unreachable.
type view struct {
	id   fileID // in the receiver
	mem  []byte
	gone runtime.Cleanup
}

func newView(fd int, length int64) (*view, error) {
	mem, err := mapPopulated(fd, length)
	if err != nil {
		return nil, err
	}
	v := &view{mem: mem}
	v.gone = runtime.AddCleanup(v, unmap, mem)
	return v, nil
}

func (v *view) state() *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&v.mem[0])) }

// bytes returns what is behind the state. It is used while v is reachable.
func (v *view) bytes() []byte { return v.mem[slabStart:] }

func (v *view) close() {
	v.gone.Stop()
	unmap(v.mem)
	runtime.KeepAlive(v)
}

// A Parcel is what has arrived in a file. It is read once, or closed, before the
// next is opened.
type Parcel struct {
	size int
	view *view
	file *os.File // if there is no view
}

// Open returns the bytes, of which there are size, of a file that has arrived.
// The descriptor becomes its own.
func (s *Views) Open(fd, size int) (p Parcel, err error) {
	id, length, err := inspect(fd)
	if err == nil && (size < 0 || length-slabStart < int64(size)) {
		err = fmt.Errorf("shm: a large message was cut short: %d bytes in its file, want %d",
			max(length-slabStart, 0), size)
	}
	if err != nil {
		closeFile(fd)
		return p, err
	}
	p.size = size
	if length-slabStart <= SlabKeeps {
		p.view = s.view(fd, id, length)
	}
	if p.view == nil {
		p.file = os.NewFile(uintptr(fd), "threading-message")
	} else {
		closeFile(fd)
	}
	return p, nil
}

// view returns the view of a file, or nil if it cannot be mapped.
func (s *Views) view(fd int, id fileID, length int64) *view {
	i := slices.IndexFunc(s.all, func(v *view) bool { return v.id == id })
	if i >= 0 {
		v := s.all[i]
		s.all = append(s.all[:i], s.all[i+1:]...)
		if int64(len(v.mem)) == length {
			s.all = append(s.all, v)
			return v
		}
		v.close() // the file has become longer
	}
	v, err := newView(fd, length)
	if err != nil {
		return nil
	}
	v.id = id
	point("slabs: mapped")
	s.all = append(s.all, v)
	for total := s.total(); len(s.all) > slabsKept || total > SlabKeeps; {
		oldest := s.all[0]
		total -= len(oldest.bytes())
		oldest.close()
		s.all[0] = nil
		s.all = s.all[1:]
	}
	return v
}

func (s *Views) total() (n int) {
	for _, v := range s.all {
		n += len(v.bytes())
	}
	return n
}

// Close lets go of all.
func (s *Views) Close() {
	for _, v := range s.all {
		v.close()
	}
	s.all = nil
}

// Read copies the bytes to into, which is as large, and gives the file back.
func (p *Parcel) Read(into []byte) error {
	if p.view == nil {
		defer p.file.Close()
		n, err := p.file.ReadAt(into[:p.size], slabStart)
		if n == p.size {
			return nil
		}
		if err == io.EOF { // which is not that of a stream
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("shm: a large message was cut short: %d bytes of %d (%w)", n, p.size, err)
	}
	copy(into, p.view.bytes()[:p.size])
	p.giveBack()
	return nil
}

// Join is Read into new memory, behind a copy of head.
func (p *Parcel) Join(head []byte) (all []byte, err error) {
	if p.view == nil {
		all = make([]byte, len(head)+p.size)
		return all, p.Read(all[copy(all, head):])
	}
	// Join does not zero what it makes. To make the slice and to copy would
	// take half as long again.
	all = bytes.Join([][]byte{head, p.view.bytes()[:p.size]}, nil)
	p.giveBack()
	return all, nil
}

func (p *Parcel) giveBack() {
	point("slabs: read")
	p.view.state().Store(slabFree)
	point("slabs: given back")
	runtime.KeepAlive(p.view)
}

// Close is called instead of Read: the file is not given back, so the sender
// lets go of it after a while.
func (p *Parcel) Close() {
	if p.file != nil {
		_ = p.file.Close()
	}
}
