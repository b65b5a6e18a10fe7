package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/proof"
)

// A fake is the other end of a client, on which a test says what a server might.
type fake struct {
	*testing.T
	*Client
	far net.Conn
	in  frames
}

func newFake(t *testing.T) *fake {
	near, far := net.Pipe()
	c := &Client{conn: near, in: newFrames(near), calls: make(map[uint32]*call), dones: make(map[uint64]chan struct{}), state: newSession(1, "first")}
	c.out.conn = near
	go c.sentinel()
	t.Cleanup(func() {
		_ = far.Close()
		c.fail(errClosedHere)
		c.done.Wait()
	})
	return &fake{t, c, far, newFrames(far)}
}

// asked waits for the next request and returns its id.
func (f *fake) asked(op byte) (id uint32) {
	f.Helper()
	b, err := f.in.next()
	if err != nil || b[4] != op {
		f.Fatalf("asked %v, %v, want operation %d", b, err, op)
	}
	return binary.LittleEndian.Uint32(b)
}

func (f *fake) say(frames ...[]byte) {
	var all []byte
	for _, b := range frames {
		all = append(all, frame(b)...)
	}
	if _, err := f.far.Write(all); err != nil {
		f.Error(err)
	}
}

func said(id uint32, status byte, body ...byte) []byte {
	return append(append(binary.LittleEndian.AppendUint32(nil, id), status), body...)
}

func lockSpec(name string) backend.Spec {
	return backend.Spec{Kind: backend.KindLock, Name: name, Codec: "json"}
}

// "It waits" and "it is set" may arrive together: a paused process finds both.
func TestAnEventThatIsSetAsSoonAsItWaits(t *testing.T) {
	defer proof.Watch(t)()
	f := newFake(t)
	var wg sync.WaitGroup
	var done <-chan struct{}
	wg.Go(func() { done, _ = f.Event(backend.Spec{Kind: backend.KindEvent, Name: "e"}).Done() })
	id := f.asked(opDone)
	f.say(said(id, statusAct), said(id, statusOK, 0))
	wg.Wait()
	<-done
}

// And "run your action" and "it is broken".
func TestAnActionThatIsBrokenBeforeItRuns(t *testing.T) {
	defer proof.Watch(t)()
	f := newFake(t)
	var wg sync.WaitGroup
	var err error
	wg.Go(func() {
		_, err = f.Barrier(backend.Spec{Kind: backend.KindBarrier, Name: "b", N: 1}).Wait(backend.Wait{}, func() { t.Error("it runs") })
	})
	id := f.asked(opMeet)
	f.say(said(id, statusAct), putError(said(id, statusError), backend.ErrLost))
	wg.Wait()
	if !errors.Is(err, backend.ErrLost) {
		t.Error(err)
	}
}

// A grant of a session is lost if the session is, whichever is noticed first; one of the next is not.
func TestAGrantMeetsTheEndOfItsSession(t *testing.T) {
	defer proof.Watch(t)()
	next := putString(putUint([]byte{0, 0, 0, 0, noteSession}, 2), "second")
	grant := func(id uint32, number byte) []byte { return said(id, statusOK, 42, number) }
	for name, c := range map[string]struct {
		frames func(id uint32) [][]byte
		lost   bool
	}{
		"granted, then ended":              {func(id uint32) [][]byte { return [][]byte{grant(id, 1), next} }, true},
		"ended, then granted":              {func(id uint32) [][]byte { return [][]byte{next, grant(id, 2)} }, false},
		"granted before the end was known": {func(id uint32) [][]byte { return [][]byte{grant(id, 2), next} }, false},
		"granted before the end is said":   {func(id uint32) [][]byte { return [][]byte{grant(id, 2), next} }, false},
	} {
		f := newFake(t)
		first := f.Lost()
		var wg sync.WaitGroup
		var h backend.Holding
		wg.Go(func() { h, _ = f.Lock(lockSpec("l")).Acquire(backend.Wait{}, nil) })
		frames := c.frames(f.asked(opAcquire))
		if name == "granted before the end is said" { // and known to the caller
			f.say(frames[0])
			wg.Wait()
			frames = frames[1:]
		}
		f.say(frames...)
		wg.Wait()
		<-first
		if f.ID() != "second" || isClosed(f.Lost()) {
			t.Error(name, "the next session is not known")
		}
		if c.lost {
			<-h.Lost()
		} else if isClosed(h.Lost()) {
			t.Error(name, "lost")
		}
	}
}

// Giving up tells the server and waits for what it decides.
func TestGivingUpIsDecidedByTheServer(t *testing.T) {
	defer proof.Watch(t)()
	why := errors.New("why")
	for _, granted := range []bool{true, false} {
		f := newFake(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		var wg sync.WaitGroup
		var h backend.Holding
		var err error
		wg.Go(func() { h, err = f.Lock(lockSpec("l")).Acquire(backend.Wait{Ctx: ctx}, nil) })
		id := f.asked(opAcquire)
		cancel(why)
		if other := f.asked(opCancel); other != id {
			t.Error("another was cancelled")
		}
		if granted {
			f.say(said(id, statusOK, 42, 1))
		} else {
			f.say(said(id, statusGaveUp))
		}
		wg.Wait()
		if granted != (h != nil && err == nil) || !granted && err != backend.ErrGaveUp {
			t.Error(granted, h, err)
		}
	}
}

// Answers in any order find whom they are for, many at once.
func TestAnswersComeInAnyOrder(t *testing.T) {
	defer proof.Watch(t)()
	f := newFake(t)
	const n = 50
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c := f.Counter(backend.Spec{Kind: backend.KindCounter, Name: "c"})
			if got, err := c.Add(context.Background(), int64(i)); got != int64(i)*10 || err != nil {
				t.Errorf("%d: %d, %v", i, got, err)
			}
		})
	}
	var answers [][]byte
	for range n {
		b, err := f.in.next()
		if err != nil {
			t.Fatal(err)
		}
		d := decoder{b: b}
		id := d.u32()
		d.byte()
		d.byte()
		d.spec()
		answers = append(answers, append(said(id, statusOK), putInt(nil, d.int64()*10)...))
	}
	for i := len(answers) - 1; i >= 0; i-- {
		f.say(answers[i])
	}
	wg.Wait()
}

// An idle client notices the end, though nobody calls.
func TestAnIdleClientNoticesTheEnd(t *testing.T) {
	defer proof.Watch(t)()
	f := newFake(t)
	lost := f.Lost()
	_ = f.far.Close()
	<-lost
	if !f.Closed() {
		t.Error("not closed")
	}
}

// An item that was granted to a process that is dead, though the server did not know, goes to the next.
func TestAnItemThatCannotBeSentGoesBack(t *testing.T) {
	defer proof.Watch(t)()
	_, path := serve(t)
	c := client(t, path)
	spec := backend.Spec{Kind: backend.KindQueue, Name: "q", Codec: "json"}
	q := c.Queue(spec)
	for i := range proof.Rounds(300, 3, 2) {
		dead := dialRaw(t, path).greet()
		dead.send(frame(ask(1, opDequeue, formForever, specOf(backend.KindQueue, "q", 0)...)))
		for waits := 0; waits != 1; { // else it would not be served
			for o, err := range c.Objects(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				waits = len(o.Waiters)
			}
		}
		_ = dead.Close()
		if err := q.Put(backend.Wait{}, backend.Item{Payload: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
		if got, err := q.Get(backend.Wait{}); string(got) != fmt.Sprint(i) || err != nil {
			t.Fatalf("%q, %v, want %d", got, err, i)
		}
	}
	if s, err := q.State(context.Background()); s.Unfinished != 0 || err != nil {
		t.Error(s, err)
	}
}

// What is written for many is written in order, and what cannot be written is undone, once.
func TestAWriterUndoesWhatItCannotWrite(t *testing.T) {
	near, far := net.Pipe()
	w := &writer{conn: near}
	var guard sync.Mutex
	undone := map[string]int{}
	undo := func(name string) func() {
		return func() {
			guard.Lock()
			defer guard.Unlock()
			undone[name]++
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { w.frame([]byte("first"), nil, false, undo("first")) })
	in := newFrames(far)
	if b, err := in.next(); string(b) != "first" || err != nil {
		t.Error(string(b), err)
	}
	wg.Wait()
	w.frame([]byte("second"), nil, true, undo("second"))
	w.frame([]byte("third"), []byte("body"), true, undo("third"))
	_ = far.Close()
	w.flush()
	w.frame([]byte("fourth"), nil, false, undo("fourth"))
	w.stop(net.ErrClosed)
	_ = near.Close()
	if len(undone) != 3 || undone["second"] != 1 || undone["third"] != 1 || undone["fourth"] != 1 {
		t.Error(undone)
	}
}

// The server answers what happened to a call that is cancelled when it is granted: one or the other, never both.
func TestACancelMeetsAGrant(t *testing.T) {
	defer proof.Watch(t)()
	_, path := serve(t)
	c := client(t, path)
	l := c.Lock(lockSpec("l"))
	r := dialRaw(t, path).greet()
	granted := 0
	for i := range proof.Rounds(2000, 4, 4) {
		h, err := l.Acquire(backend.Wait{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		id := uint32(i + 1)
		r.send(frame(ask(id, opAcquire, formUntil, append(specOf(backend.KindLock, "l", 0), 0)...)))
		var wg sync.WaitGroup
		wg.Go(func() { r.send(frame(append(binary.LittleEndian.AppendUint32(nil, id), opCancel))) })
		wg.Go(func() {
			if _, err := l.Release(context.Background(), h, false); err != nil {
				t.Error(err)
			}
		})
		b, err := r.in.next()
		if err != nil || binary.LittleEndian.Uint32(b) != id {
			t.Fatal(b, err)
		}
		wg.Wait()
		switch b[4] {
		case statusOK:
			granted++
			d := decoder{b: b[5:]}
			token := d.uint()
			back := append(specOf(backend.KindLock, "l", 0), putBool(putUint(nil, token), false)...)
			r.send(frame(ask(id, opRelease, formForever, back...)))
			if b, err := r.in.next(); err != nil || b[4] != statusOK {
				t.Fatal(b, err)
			}
		case statusGaveUp:
		default:
			t.Fatalf("status %d", b[4])
		}
	}
	t.Logf("%d were granted", granted)
	if is, err := l.Locked(context.Background()); is || err != nil {
		t.Error("in the end it is locked", err)
	}
}
