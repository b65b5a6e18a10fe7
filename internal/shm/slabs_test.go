//go:build linux && (amd64 || arm64)

package shm

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"
	"testing"
)

// Large messages through one socket: each that arrives is what one sender has sent, whole, whoever is killed at what, and
// although the files are used again.
func init() {
	experiments["slabs"] = &experiment{
		objects: func(l *lab) []int {
			ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
			must(err)
			l.t.Cleanup(func() { closeFile(ends[0]); closeFile(ends[1]) })
			return ends[:]
		},
		work: func(w *worker) {
			var slabs Slabs
			var views Views
			number := uint64(w.id) << 32
			for !w.stopped() {
				if w.rand.IntN(2) == 0 {
					number++
					sendSlab(w, &slabs, number)
				} else {
					receiveSlab(w, &views)
				}
				w.step()
				w.pause()
			}
			slabs.Close()
			views.Close()
		},
	}
}

// pattern is so many bytes that tell of a number.
func pattern(number uint64, size int) []byte {
	return bytes.Repeat(binary.NativeEndian.AppendUint64(nil, number), size/8)
}

func sendSlab(w *worker, slabs *Slabs, number uint64) {
	size := 8 * (1 + w.rand.IntN(16<<10))
	fd, err := slabs.Write(pattern(number, size))
	must(err)
	message := binary.NativeEndian.AppendUint64(nil, number)
	message = binary.NativeEndian.AppendUint64(message, uint64(size))
	switch err := syscall.Sendmsg(int(w.objects[0]), message, syscall.UnixRights(fd), nil, syscall.MSG_DONTWAIT); err {
	case nil:
		slabs.Sent()
	case syscall.EAGAIN, syscall.ETOOMANYREFS:
		slabs.Withdraw()
	default:
		failWorker("send: %v", err)
	}
	if len(slabs.all) > slabsKept || slabs.total() > SlabKeeps {
		failWorker("%d files, %d bytes", len(slabs.all), slabs.total())
	}
}

func receiveSlab(w *worker, views *Views) {
	message, rights := make([]byte, 16), make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := syscall.Recvmsg(w.objects[1], message, rights, syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC)
	if err == syscall.EAGAIN {
		return
	}
	must(err)
	controls, err := syscall.ParseSocketControlMessage(rights[:n])
	must(err)
	fds, err := syscall.ParseUnixRights(&controls[0])
	must(err)
	number, size := binary.NativeEndian.Uint64(message), int(binary.NativeEndian.Uint64(message[8:]))
	parcel, err := views.Open(fds[0], size)
	must(err)
	data := make([]byte, size)
	if w.rand.IntN(2) == 0 {
		must(parcel.Read(data))
	} else {
		data, err = parcel.Join([]byte("head"))
		must(err)
		data = bytes.TrimPrefix(data, []byte("head"))
	}
	if len(views.all) > slabsKept || views.total() > SlabKeeps {
		failWorker("%d files, %d bytes are mapped", len(views.all), views.total())
	}
	if !bytes.Equal(data, pattern(number, size)) {
		failWorker("%d bytes of message %#x are not those that were sent; they begin with %x", size, number, data[:8])
	}
}

// A slabWay is slabs and the views of whoever receives them.
type slabWay struct {
	slabs Slabs
	views Views
}

func (w *slabWay) send(size int) (fd int) {
	fd, err := w.slabs.Write(bytes.Repeat([]byte{byte(size)}, size))
	must(err)
	fd = dup(fd)
	w.slabs.Sent()
	return fd
}

func (w *slabWay) read(t *testing.T, fd, size int) {
	t.Helper()
	parcel, err := w.views.Open(fd, size)
	must(err)
	data, err := parcel.Join([]byte{byte(size)})
	must(err)
	if !bytes.Equal(data, bytes.Repeat([]byte{byte(size)}, size+1)) {
		t.Errorf("a message of %d bytes has come as another, of %d", size, len(data)-1)
	}
}

func (w *slabWay) close() {
	w.slabs.Close()
	w.views.Close()
}

func sameFile(a, b int) bool {
	first, _, err := inspect(a)
	must(err)
	second, _, err := inspect(b)
	must(err)
	return first == second
}

// A file is used again when it was given back, and not before.
func TestSlabsAreUsedAgain(t *testing.T) {
	must(Found())
	var w slabWay
	defer w.close()
	s := &w.slabs
	a := w.send(100_000)
	b := w.send(10)
	if sameFile(a, b) {
		t.Fatal("a file that is under way is written to")
	}
	again := dup(a)
	w.read(t, a, 100_000)
	w.read(t, b, 10)
	if c := w.send(50_000); !sameFile(c, again) {
		t.Error("another file than the one that is large enough")
	} else {
		closeFile(c)
	}
	closeFile(again)
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	s.Withdraw()
	if n := len(s.all); n != 2 || !s.all[n-1].free() {
		t.Errorf("%d files after a message that was withdrawn", n)
	}
	var lost []int
	for range 3 * slabsKept { // nobody gives them back
		lost = append(lost, w.send(1000))
	}
	if len(s.all) != slabsKept {
		t.Errorf("%d files are kept, want %d", len(s.all), slabsKept)
	}
	for _, fd := range lost {
		w.read(t, fd, 1000)
	}
	if len(w.views.all) != slabsKept {
		t.Errorf("%d files are mapped, want %d", len(w.views.all), slabsKept)
	}
	fd := w.send(SlabKeeps)
	if len(s.all) != 1 || s.total() != SlabKeeps {
		t.Errorf("%d files are kept, of %d bytes, want 1 of %d", len(s.all), s.total(), SlabKeeps)
	}
	w.read(t, fd, SlabKeeps)
	if n := w.views.total(); n != SlabKeeps {
		t.Errorf("%d bytes are mapped, want %d", n, SlabKeeps)
	}
	w.read(t, w.send(SlabKeeps+1), SlabKeeps+1)
	if len(s.all) != 1 || len(w.views.all) != 1 {
		t.Error("a file that is too large is kept")
	}
	if _, err := w.views.Open(w.send(10), SlabKeeps+1); err == nil {
		t.Error("a file was cut short, and nobody says so")
	}
}

// A file that has become longer is mapped anew.
func TestASlabGrows(t *testing.T) {
	must(Found())
	var w slabWay
	defer w.close()
	for size := 1; size < SlabKeeps; size *= 3 {
		fd := w.send(size)
		w.read(t, fd, size)
		if len(w.slabs.all) != 1 || len(w.views.all) != 1 || w.slabs.total() < size {
			t.Errorf("%d files are kept and %d mapped, of %d bytes, after one of %d after the other",
				len(w.slabs.all), len(w.views.all), w.slabs.total(), size)
		}
	}
	before := w.views.all[0]
	fd := w.send(1)
	w.read(t, fd, 1)
	if w.views.all[0] != before {
		t.Error("a file that has arrived before is mapped again")
	}
}

// What cannot be mapped travels too, and is not kept.
func TestASlabThatIsNotMapped(t *testing.T) {
	must(Found())
	var w slabWay
	defer w.close()
	fd, err := NewFile("threading-message")
	must(err)
	b := &slab{file: os.NewFile(uintptr(fd), "threading-message")}
	must(b.write(bytes.Repeat([]byte{7}, SlabKeeps+1)))
	if b.view != nil {
		t.Fatal("it is mapped")
	}
	w.slabs.hand = b
	fd = dup(fd)
	w.slabs.Withdraw()
	if len(w.slabs.all) != 0 {
		t.Error("it is kept")
	}
	parcel, err := w.views.Open(fd, 100)
	must(err)
	data := make([]byte, 100)
	must(parcel.Read(data))
	if !bytes.Equal(data, bytes.Repeat([]byte{7}, 100)) {
		t.Errorf("%x has come", data)
	}
}
