package shm

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

var errUnsupported = fmt.Errorf("shared objects are not possible here: %w", errors.ErrUnsupported)

// A family is the processes that may share objects: one that founded it, and
// those that were started in it. All of them map its page.
//
// # Which processes live
//
// Each process has a serial, which is never given out again, and a lock on the
// byte of that number, through an open file of its own. The kernel lets go of
// the lock when the last thread of the process has gone, and not before: a byte
// that is free says that its process will never execute another instruction. As
// serials are not used twice either, a compare-and-swap from a word that names
// a dead process cannot hit the word of another.
//
// A pid says neither: it is used again, and it belongs to a namespace.
//
// The lock belongs to an open file, so it lasts as long as any copy of that
// descriptor. Children inherit another one, which is never locked, and
// everything here is closed on exec. Between the fork and the exec of a child
// the copy is there: for that long a process that was just killed seems to
// live.
//
// # How a death becomes known
//
// Deaths counts the deaths that were announced: by the parent, when it has
// reaped a child, and by each child, when its parent is gone. Every sleeper
// sleeps on that word too, and looks for itself when it changes. It is a hint:
// a death that was not announced, because the parent died at the same time and
// had no other child, is noticed when a slice of sleep ends, within a second.
type family struct {
	page   *familyPage
	base   int // the file, as children inherit it: never locked
	own    int // the file, opened by this process: its byte is locked
	serial uint32
	waitv  atomic.Bool // futex_waitv works

	alone sleepers // where it does not
}

type familyPage struct {
	magic  uint64
	_      [56]byte
	serial atomic.Uint32 // the last one given out
	_      [60]byte
	deaths atomic.Uint32
	_      [60]byte
}

const familyMagic = 0x666d6c7931303031

// The bytes that are locked begin here, beyond everything that is ever read.
const firstByte = 1 << 32

// serialMask is for the 31 bits of a serial; 0 is no process.
const serialMask = math.MaxInt32

// kin is the family of this process, once there is one.
var (
	kin     *family
	kinOnce sync.Once
	kinErr  error
)

// Found makes this process the founder of a family, unless it is a member of
// one, and returns why that is not possible.
func Found() error {
	kinOnce.Do(func() { kinErr = found() })
	return kinErr
}

func found() error {
	fd, err := newFile("threading-family")
	if err != nil {
		return err
	}
	size := int64(unsafe.Sizeof(familyPage{}))
	if err := reserve(fd, 0, size); err != nil {
		return errors.Join(err, drop(fd))
	}
	if err := seal(fd, false); err != nil {
		return errors.Join(err, drop(fd))
	}
	return enter(fd, true)
}

// Join makes this process a member of the family whose page fd is, as it was
// inherited.
func Join(fd int) error {
	kinOnce.Do(func() { kinErr = enter(fd, false) })
	return kinErr
}

func drop(fd int) error {
	closeFile(fd)
	return nil
}

func enter(fd int, founder bool) (err error) {
	f := &family{base: fd, own: -1}
	var mem []byte
	defer func() {
		if err == nil {
			return
		}
		if mem != nil {
			unmap(mem)
		}
		if f.own >= 0 {
			closeFile(f.own)
		}
		closeFile(fd)
	}()
	_, size, err := inspect(fd)
	if err != nil {
		return err
	}
	want := int64(unsafe.Sizeof(familyPage{}))
	if size < want {
		return fmt.Errorf("shm: the page of the family has %d bytes, want %d", size, want)
	}
	if mem, err = mapFile(fd, 0, want); err != nil {
		return err
	}
	f.page = (*familyPage)(unsafe.Pointer(&mem[0]))
	if founder {
		f.page.magic = familyMagic
	} else if f.page.magic != familyMagic {
		return fmt.Errorf("shm: the page of the family begins with %#x", f.page.magic)
	}
	if f.own, err = reopen(fd); err != nil {
		return err
	}
	for {
		f.serial = f.page.serial.Add(1) & serialMask
		if f.serial == 0 {
			continue
		}
		// A serial that is taken belongs to a process that has lived for two
		// thousand million others.
		mine, err := lockByte(f.own, firstByte+int64(f.serial))
		if err != nil {
			return err
		}
		if mine {
			break
		}
	}
	f.waitv.Store(hasWaitv())
	kin = f
	return nil
}

// NewFile makes a file without a name, which is closed on exec.
func NewFile(name string) (fd int, err error) { return newFile(name) }

// Descriptor returns the family's file, for a child to inherit.
func Descriptor() int { return kin.base }

// alive reports whether a process has not ended. It is a call of the system, of
// less than half a microsecond.
func (f *family) alive(serial uint32) bool {
	return serial == f.serial || byteLocked(f.own, firstByte+int64(serial))
}

// census returns a function that reports whether a process has ended, and asks
// for each once.
func (f *family) census() (dead func(serial uint32) bool) {
	ended := make(map[uint32]bool)
	return func(serial uint32) bool {
		is, asked := ended[serial]
		if !asked {
			is = !f.alive(serial)
			ended[serial] = is
		}
		return is
	}
}

// deaths returns what sleep wants to know.
func (f *family) deaths() uint32 { return f.page.deaths.Load() }

// Died announces that a process has ended: all sleepers look whether that
// concerns them.
func Died() {
	if kin == nil {
		return
	}
	kin.page.deaths.Add(1)
	futexWake(&kin.page.deaths, math.MaxInt32)
}

// The slices are how long a process sleeps, at first and at most, that is not
// woken. A wake-up that is due is lost only with a process that was killed
// before it gave it, which is announced; so the slices become long. They are
// variables for tests.
var (
	firstSlice = 10 * time.Millisecond
	lastSlice  = time.Second
)

// Slices sets both slices. It is for tests, which make them so long that they
// repair nothing by chance.
func Slices(first, last time.Duration) { firstSlice, lastSlice = first, last }

// A nap is what one wait remembers between its sleeps.
type nap struct{ slice time.Duration }

// sleep sleeps until the word has another value, or a death is announced that
// seen does not count, or l is over, or a slice has passed, or for no reason: a
// caller that sleeps in a loop looks at everything each time.
func (n *nap) sleep(word *atomic.Uint32, value, seen uint32, l *Limit) {
	f := kin
	n.slice = min(max(2*n.slice, firstSlice), lastSlice)
	deadline := now() + n.slice
	if l != nil && l.deadline != 0 {
		deadline = min(deadline, l.deadline)
	}
	l.listen()
	point("sleep: about to")
	if f.waitv.Load() {
		if sleepOn(word, value, &f.page.deaths, seen, l, deadline) {
			point("sleep: awake")
			return
		}
		f.waitv.Store(false)
	}
	f.alone.sleep(f, &sleeper{word, seen, l}, value, deadline)
	point("sleep: awake")
}

// rouse wakes the sleepers with a limit that is over.
func (f *family) rouse(ended *atomic.Uint32) {
	futexWakePrivate(ended)
	if !f.waitv.Load() {
		f.alone.call(f)
	}
}

// half is the lower half of a word, which can be slept on.
func half(word *atomic.Uint64) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Add(unsafe.Pointer(word), 4*lowHalf))
}
