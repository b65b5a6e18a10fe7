package wire

import (
	"context"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/proof"
)

// requests are one of each operation, as a client sends them.
func requests() (all [][]byte) {
	sent := make(chan []byte, 100)
	near, far := net.Pipe()
	defer near.Close()
	c := &Client{conn: near, calls: make(map[uint32]*call), dones: make(map[uint64]chan struct{}), state: newSession(1, "x")}
	c.out.conn = near
	go func() {
		in := newFrames(far)
		for {
			frame, err := in.next()
			if err != nil {
				close(sent)
				return
			}
			sent <- append([]byte(nil), frame...)
		}
	}()
	spec := func(kind backend.Kind) backend.Spec {
		return backend.Spec{Kind: kind, Name: "x", Codec: "json", N: 3, Lock: "l", LockKind: backend.KindLock, Type: "t"}
	}
	ctx := context.Background()
	h := &holding{token: 7}
	l, o := c.Lock(spec(backend.KindLock)), c.Once(spec(backend.KindOnce))
	s, e := c.Semaphore(spec(backend.KindSemaphore)), c.Event(spec(backend.KindEvent))
	cond, b := c.Condition(spec(backend.KindCondition)), c.Barrier(spec(backend.KindBarrier))
	d, n, li := c.Table(spec(backend.KindDict)), c.Counter(spec(backend.KindCounter)), c.List(spec(backend.KindList))
	q, obj := c.Queue(spec(backend.KindQueue)), c.Object(spec(backend.KindObject))
	k, v := []byte("k"), []byte("value")
	for _, call := range []func(){
		func() { _ = c.End(ctx, "id") }, func() { _ = c.Delete(ctx, backend.KindLock, "x") },
		func() { c.Objects(ctx)(func(backend.Info, error) bool { return false }) },
		func() { _, _ = l.Acquire(backend.Wait{After: time.Second}, v) }, func() { _, _ = l.Release(ctx, h, true) },
		func() { _, _ = l.Locked(ctx) }, func() { _, _, _ = l.Holder(ctx) }, func() { l.Watch(ctx)(func([]byte, error) bool { return false }) },
		func() { _ = o.Done(ctx, h) }, func() { _, _ = s.Acquire(backend.Wait{Try: true}, 2) }, func() { _ = s.Release(ctx, 1) },
		func() { _ = s.Resize(ctx, 4) }, func() { _, _ = s.Value(ctx) }, func() { _ = e.Set(ctx) }, func() { _ = e.Clear(ctx) },
		func() { _, _ = e.IsSet(ctx) }, func() { _ = e.Wait(backend.Wait{}) }, func() { _, _ = e.Done() },
		func() { _, _, _ = cond.Wait(backend.Wait{}, h, true) }, func() { _, _ = cond.Notify(ctx, h, 1) },
		func() { _, _ = b.Wait(backend.Wait{}, func() {}) }, func() { _ = b.Reset(ctx) }, func() { _ = b.Abort(ctx) },
		func() { _, _, _ = b.State(ctx) }, func() { _, _ = d.Get(ctx, k) }, func() { _, _, _ = d.Put(ctx, k, v, backend.If{Checked: true, TTL: 1}) },
		func() { _, _ = d.Delete(ctx, k) }, func() { _ = d.PutAll(ctx, []backend.Pair{{Key: k, Cell: backend.Cell{Value: v}}}) },
		func() { _ = d.Clear(ctx) }, func() { _, _ = d.Len(ctx) }, func() { d.All(ctx)(func(backend.Pair, error) bool { return false }) },
		func() { d.Watch(ctx)(func(backend.Change, error) bool { return false }) }, func() { _, _ = n.Add(ctx, -3) }, func() { _ = n.Set(ctx, 5) },
		func() { _, _ = li.Get(ctx, -1) }, func() { _ = li.Set(ctx, 0, v) }, func() { _ = li.Append(ctx, [][]byte{v, k}) },
		func() { _ = li.Insert(ctx, 0, v) }, func() { _, _ = li.Pop(ctx, 0) }, func() { _, _ = li.Len(ctx) }, func() { _, _, _ = li.Load(ctx) },
		func() { _ = li.Replace(ctx, 7, [][]byte{v}) }, func() { _ = q.Put(backend.Wait{}, backend.Item{Payload: v, Level: -3, Key: "k", Window: 1}) },
		func() { _, _ = q.Get(backend.Wait{}) }, func() { _, _ = q.Claim(backend.Wait{}) },
		func() { _ = q.Settle(ctx, backend.Claim{Holding: h}, backend.Nack, 1) }, func() { _ = q.Settle(ctx, backend.Claim{Dead: 3}, backend.Ack, 0) },
		func() { _, _, _ = q.Peek(ctx) }, func() { _, _ = q.Drain(ctx) }, func() { _, _ = q.State(ctx) }, func() { _ = q.Shutdown(ctx, true) },
		func() { _ = q.Resize(ctx, 3) }, func() { _ = q.Join(backend.Wait{}) }, func() { q.Dead(ctx)(func(backend.Claim, error) bool { return false }) },
		func() { _, _, _ = obj.Call(ctx, "m", v) },
	} {
		go func() { _ = proof.Recovered(call) }() // which waits for an answer that does not come
		all = append(all, <-sent)
	}
	c.fail(errClosedHere)
	return all
}

// No frames, in any order, hurt the server: it answers, or hangs up, and serves the next.
func FuzzTheServerSurvivesAnyFrames(f *testing.F) {
	_, path := serve(f)
	good := client(f, path)
	all := requests()
	if len(all) < 50 {
		f.Fatal("some operations are missing")
	}
	seen := map[byte]bool{}
	for i, r := range all {
		seen[r[4]] = true
		f.Add(frame(r))
		f.Add(append(frame(r), frame(all[(i+7)%len(all)])...))
		f.Add(frame(r[:len(r)-1]))
		f.Add(frame(append(append([]byte{}, r...), 0)))
	}
	for op := opEnd; op < ops; op++ {
		if !seen[op] && op != opBye {
			f.Errorf("operation %d has no seed", op)
		}
	}
	f.Fuzz(func(t *testing.T, frames []byte) {
		if len(frames) > 1<<16 {
			return
		}
		r := dialRaw(t, path).greet()
		r.send(frames)
		_ = r.Conn.(*net.UnixConn).CloseWrite()
		r.ends()
		if !good.ping(t) {
			t.Fatal("the server is gone")
		}
	})
}

// Nor do they hurt the client: its calls return.
func FuzzTheClientSurvivesAnyFrames(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, statusOK, 5})
	f.Add([]byte{1, 0, 0, 0, statusGaveUp})
	f.Add([]byte{1, 0, 0, 0, statusAct})
	f.Add(putError([]byte{1, 0, 0, 0, statusError}, backend.ErrMismatch))
	f.Add(putError([]byte{0, 0, 0, 0, noteGoodbye}, backend.ErrDenied))
	f.Add(putString(putUint([]byte{0, 0, 0, 0, noteSession}, 2), "next"))
	f.Add([]byte{1, 0, 0, 0, statusOK, 1, 3, 9, 9, 9})
	spec := func(kind backend.Kind) backend.Spec { return backend.Spec{Kind: kind, Name: "x", N: 2} }
	f.Fuzz(func(t *testing.T, answer []byte) {
		for i := range 6 {
			near, far := net.Pipe()
			c := &Client{conn: near, in: newFrames(near), calls: make(map[uint32]*call), dones: make(map[uint64]chan struct{}), state: newSession(1, "first")}
			c.out.conn = near
			go func() {
				in := newFrames(far)
				if _, err := in.next(); err == nil {
					go func() { _, _ = far.Write(frame(answer)); _ = far.Close() }()
				}
				for {
					if _, err := in.next(); err != nil {
						return
					}
				}
			}()
			ctx := context.Background()
			switch i {
			case 0:
				_, _ = c.Lock(spec(backend.KindLock)).Acquire(backend.Wait{}, nil)
			case 1:
				_, _ = c.Table(spec(backend.KindDict)).Get(ctx, nil)
			case 2:
				for range c.Table(spec(backend.KindDict)).Watch(ctx) {
				}
			case 3:
				_, _ = c.Barrier(spec(backend.KindBarrier)).Wait(backend.Wait{}, func() {})
			case 4:
				_, _ = c.Event(spec(backend.KindEvent)).Done()
			case 5:
				_, _ = c.Queue(spec(backend.KindQueue)).Claim(backend.Wait{})
			}
			c.fail(errClosedHere)
			_ = far.Close()
		}
	})
}

// What is written can be read, also in pieces of a byte, and nothing else can.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{}, uint8(1))
	f.Add(frame([]byte("abc")), uint8(2))
	f.Add(append(frame(make([]byte, 20_000)), frame([]byte("x"))...), uint8(200))
	f.Add(binary.LittleEndian.AppendUint32(nil, 1<<31), uint8(3))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		if len(stream) > 1<<16 {
			return
		}
		in := newFrames(&pieces{stream, int(piece) + 1})
		for rest := stream; ; {
			got, err := in.next()
			if err != nil {
				if len(rest) >= 4 {
					if n := binary.LittleEndian.Uint32(rest); n <= maxFrame && int(n) <= len(rest)-4 {
						t.Fatalf("%v, though a frame of %d bytes is there", err, n)
					}
				}
				return
			}
			n := int(binary.LittleEndian.Uint32(rest))
			if string(got) != string(rest[4:4+n]) {
				t.Fatal("another frame")
			}
			rest = rest[4+n:]
		}
	})
}

type pieces struct {
	rest []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b[:min(len(b), p.size)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
