//go:build linux && (amd64 || arm64)

package shm

import (
	"bytes"
	"encoding/binary"
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
			number := uint64(w.id) << 32
			for !w.stopped() {
				if w.rand.IntN(2) == 0 {
					number++
					sendSlab(w, &slabs, number)
				} else {
					receiveSlab(w)
				}
				w.step()
				w.pause()
			}
			slabs.Close()
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
	if len(slabs.all) > slabsKept || slabs.total() > slabKeeps {
		failWorker("%d files, %d bytes", len(slabs.all), slabs.total())
	}
}

func receiveSlab(w *worker) {
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
	data := make([]byte, size)
	must(ReadSlab(fds[0], data))
	if !bytes.Equal(data, pattern(number, size)) {
		failWorker("%d bytes of message %#x are not those that were sent; they begin with %x", size, number, data[:8])
	}
}

// A file is used again when it was given back, and not before.
func TestSlabsAreUsedAgain(t *testing.T) {
	must(Found())
	var s Slabs
	defer s.Close()
	send := func(size int) (fd int) {
		fd, err := s.Write(make([]byte, size))
		must(err)
		fd = dup(fd)
		s.Sent()
		return fd
	}
	read := func(fd, size int) { must(ReadSlab(fd, make([]byte, size))) }
	same := func(a, b int) bool {
		first, _, err := inspect(a)
		must(err)
		second, _, err := inspect(b)
		must(err)
		return first == second
	}
	a := send(100_000)
	b := send(10)
	if same(a, b) {
		t.Fatal("a file that is under way is written to")
	}
	again := dup(a)
	read(a, 100_000)
	read(b, 10)
	if c := send(50_000); !same(c, again) {
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
		lost = append(lost, send(1000))
	}
	if len(s.all) != slabsKept {
		t.Errorf("%d files are kept, want %d", len(s.all), slabsKept)
	}
	for _, fd := range lost {
		read(fd, 1000)
	}
	fd := send(slabKeeps + 1)
	if len(s.all) != 0 {
		t.Errorf("%d files are kept, of %d bytes", len(s.all), s.total())
	}
	read(fd, slabKeeps+1)
	if err := ReadSlab(send(10), make([]byte, 11)); err == nil {
		t.Error("a file was cut short, and nobody says so")
	}
}
