package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
	"github.com/gothreading/threading/internal/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

type jsonCodec struct{}

func (jsonCodec) Name() string                { return "json" }
func (jsonCodec) Marshal(any) ([]byte, error) { return nil, nil }
func (jsonCodec) Unmarshal([]byte, any) error { return nil }

// serve serves a store until the test ends.
func serve(t testing.TB) (store *local.Store, path string) {
	t.Helper()
	store, path, stop := serveWith(t, backend.Options{})
	t.Cleanup(stop)
	return store, path
}

func serveWith(t testing.TB, o backend.Options) (store *local.Store, path string, stop func()) {
	t.Helper()
	path = filepath.Join(proof.ShortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	store = local.NewStore()
	store.Knows(jsonCodec{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = Serve(ctx, store, l, o) })
	return store, path, func() {
		cancel()
		wg.Wait()
	}
}

func client(t testing.TB, path string) *Client {
	t.Helper()
	b, err := Open(context.Background(), "unix:"+path, backend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b.(*Client)
}

// A raw is a connection on which anything can be sent.
type raw struct {
	testing.TB
	net.Conn
	in frames
}

func dialRaw(t testing.TB, path string) *raw {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(5 * time.Minute)) // which only a hang reaches
	return &raw{t, c, newFrames(c)}
}

func frame(body []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func hello(v uint16) []byte {
	return putString(binary.LittleEndian.AppendUint16([]byte(magic), v), "raw")
}

// greet says hello and waits for the answer.
func (r *raw) greet() *raw {
	r.Helper()
	if err := r.welcome(); err != nil {
		r.Fatal("no welcome:", err)
	}
	return r
}

// welcome says hello, and returns why it is not welcome.
func (r *raw) welcome() error {
	r.send(frame(hello(version)))
	b, err := r.in.next()
	if err == nil && b[len(magic)+2] != statusOK {
		err = fmt.Errorf("status %d", b[len(magic)+2])
	}
	return err
}

func (r *raw) send(b []byte) { _, _ = r.Write(b) }

// ends fails the test unless the server hangs up, and returns what it said before.
func (r *raw) ends() (said string) {
	r.Helper()
	all, err := io.ReadAll(r.in.r)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		r.Error("the server does not hang up")
	}
	return string(all)
}

func ask(id uint32, op, form byte, rest ...byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, id)
	return append(append(b, op, form), rest...)
}

func specOf(kind backend.Kind, name string, n int) []byte {
	return putSpec(nil, backend.Spec{Kind: kind, Name: name, Codec: "json", N: n}, false)
}

// What makes no sense ends the connection that it comes from, with a last word on why, and nothing else.
func TestWhatMakesNoSenseEndsItsConnectionOnly(t *testing.T) {
	store, path := serve(t)
	good := client(t, path)
	lock := good.Lock(backend.Spec{Kind: backend.KindLock, Name: "held"})
	h, err := lock.Acquire(backend.Wait{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	event := specOf(backend.KindEvent, "e", 0)
	long := bytes.Repeat([]byte("x"), 100)
	for name, c := range map[string]struct {
		before bool // before hello
		bytes  []byte
		word   string
	}{
		"garbage":         {true, []byte("\xff\xfe\xfd garbage and more of it"), "want at most"},
		"HTTP":            {true, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "want at most"},
		"another hello":   {true, frame([]byte("hello, who are you?")), "does not speak the protocol"},
		"empty hello":     {true, frame(nil), "does not speak the protocol"},
		"older version":   {true, frame(hello(0)), "version 1 of the protocol, the client 0"},
		"later version":   {true, frame(hello(7)), "version 1 of the protocol, the client 7"},
		"long hello":      {true, frame(append(hello(version), 1)), "makes no sense"},
		"huge":            {false, []byte{0xff, 0xff, 0xff, 0xff}, "want at most"},
		"a bit too large": {false, binary.LittleEndian.AppendUint32(nil, maxFrame+1), "want at most"},
		"nothing":         {false, frame(nil), "makes no sense"},
		"id 0":            {false, frame(ask(0, opSet, formForever, event...)), "makes no sense"},
		"no op":           {false, frame([]byte{1, 0, 0, 0}), "makes no sense"},
		"op 0":            {false, frame(ask(1, 0, formForever)), "does not know"},
		"op 255":          {false, frame(ask(1, 255, formForever)), "does not know"},
		"op of an answer": {false, frame(ask(1, ops, formForever)), "does not know"},
		"no form":         {false, frame(ask(1, opSet, formForever)[:5]), "makes no sense"},
		"form 99":         {false, frame(ask(1, opSet, 99, event...)), "does not know"},
		"after nothing":   {false, frame(ask(1, opAwait, formAfter, append([]byte{0}, event...)...)), "less than nothing"},
		"no spec":         {false, frame(ask(1, opSet, formForever)), "makes no sense"},
		"half a spec":     {false, frame(ask(1, opSet, formForever, event[:3]...)), "makes no sense"},
		"kind 99":         {false, frame(ask(1, opSet, formForever, append([]byte{99}, event[1:]...)...)), "makes no sense"},
		"another kind":    {false, frame(ask(1, opSet, formForever, specOf(backend.KindLock, "e", 0)...)), "makes no sense"},
		"too much":        {false, frame(ask(1, opSet, formForever, append(bytes.Clone(event), long...)...)), "makes no sense"},
		"long length":     {false, frame(ask(1, opGet, formForever, append(specOf(backend.KindDict, "d", 0), 0xff, 0xff, 0xff, 0xff, 0x7f)...)), "makes no sense"},
		"many pairs": {false, frame(ask(1, opPutAll, formForever,
			append(specOf(backend.KindDict, "d", 0), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)...)), "makes no sense"},
		"no settlement":      {false, frame(ask(1, opSettle, formForever, append(specOf(backend.KindQueue, "q", 0), 1, 7, 0)...)), "makes no sense"},
		"a number too large": {false, frame(ask(1, opPermits, formForever, append(specOf(backend.KindSemaphore, "s", 1), bytes.Repeat([]byte{0xff}, 11)...)...)), "makes no sense"},
		"an action":          {false, append(frame(ask(1, opMeet, formForever, append(specOf(backend.KindBarrier, "b", 2), 0)...)), frame([]byte{1, 0, 0, 0, opActed, 1})...), "nobody asked for"},
		"an id twice": {false, append(frame(ask(1, opAwait, formForever, specOf(backend.KindEvent, "never", 0)...)),
			frame(ask(1, opAwait, formForever, specOf(backend.KindEvent, "never", 0)...))...), "with one id"},
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, path)
			if !c.before {
				r.greet()
			}
			r.send(c.bytes)
			if said := r.ends(); !strings.Contains(said, c.word) {
				t.Errorf("the server said %q, want something with %q", said, c.word)
			}
		})
	}
	// What is cut off is dropped without a word.
	for name, b := range map[string][]byte{
		"half a hello":   frame(hello(version))[:9],
		"half a length":  {1, 0},
		"half a request": frame(ask(1, opSet, formForever, event...))[:12],
	} {
		r := dialRaw(t, path)
		if name != "half a hello" {
			r.greet()
		}
		r.send(b)
		_ = r.Conn.(*net.UnixConn).CloseWrite()
		r.ends()
	}
	if _, err := lock.Release(context.Background(), h, false); err != nil {
		t.Error("the others:", err)
	}
	if n := objects(t, store); n > 3 { // held, never, b
		t.Errorf("there are %d objects", n)
	}
}

func objects(t *testing.T, store *local.Store) (n int) {
	c := store.NewClient("", "", nil, nil)
	defer c.Close()
	for _, err := range c.Objects(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// A server that has a logger says whom it refused and whom it cut off, and nothing of what it keeps.
func TestTheLogNamesClientsAndNoValues(t *testing.T) {
	var log strings.Builder
	_, path, stop := serveWith(t, backend.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	cards := client(t, path).Table(backend.Spec{Kind: backend.KindDict, Name: "cards", Codec: "json"})
	if _, _, err := cards.Put(context.Background(), []byte("4929"), []byte("secret"), backend.If{}); err != nil {
		t.Error(err)
	}
	r := dialRaw(t, path)
	r.send(frame(hello(version + 1)))
	r.ends()
	r = dialRaw(t, path).greet()
	r.send(frame(ask(1, 255, 0, []byte("4929 secret")...)))
	r.ends()
	stop() // nobody writes to the log any more
	text := log.String()
	for _, want := range []string{"a client was refused", fmt.Sprintf("the client %d", version+1), "a client was cut off", "client=raw"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing of %q", want)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "4929") || t.Failed() {
		t.Errorf("the log says\n%s", text)
	}
}

// A client that says nothing, or half of its hello, is hung up in time; one that is welcome may be as slow as it likes.
func TestASlowClient(t *testing.T) {
	defer proof.Watch(t)()
	defer func(d time.Duration) { helloTime = d }(helloTime) // after the server has ended
	helloTime = 20 * time.Millisecond
	_, path, stop := serveWith(t, backend.Options{})
	defer stop()
	for _, said := range [][]byte{nil, frame(hello(version))[:5]} {
		r := dialRaw(t, path)
		r.send(said)
		if answer := r.ends(); answer != "" {
			t.Errorf("after %q the server says %q", said, answer)
		}
	}
	// On a busy machine somebody may be too late with the whole hello, too, and comes again.
	r := dialRaw(t, path)
	for r.welcome() != nil {
		r = dialRaw(t, path)
	}
	var good *Client
	for good == nil {
		if b, err := Open(context.Background(), "unix:"+path, backend.Options{}); err == nil {
			good = b.(*Client)
		}
	}
	for i, b := range frame(ask(7, opSet, formForever, specOf(backend.KindEvent, "slow", 0)...)) {
		if i%8 == 0 {
			time.Sleep(helloTime) // of which there is no more
			if !good.ping(t) {
				t.Error("the others are not served")
			}
		}
		r.send([]byte{b})
	}
	if b, err := r.in.next(); err != nil || b[0] != 7 || b[4] != statusOK {
		t.Error(b, err)
	}
	_ = good.Close()
}

// What can be understood, but cannot be, is an answer, and the connection goes on.
func TestWhatCannotBeIsAnAnswer(t *testing.T) {
	_, path := serve(t)
	r := dialRaw(t, path).greet()
	tooMany := int64(1 << 62)
	if math.MaxInt == math.MaxInt32 {
		tooMany = 0 // no number there is too large
	}
	for i, c := range []struct {
		op   byte
		rest []byte
		word string
	}{
		{opMeet, append(specOf(backend.KindBarrier, "b", 0), 0), "want at least 1"},
		{opMeet, append(specOf(backend.KindBarrier, "b", -5), 0), "want at least 1"},
		{opPermits, append(specOf(backend.KindSemaphore, "s", -1), 2), "want 0 to"},
		{opPermits, append(specOf(backend.KindSemaphore, "s", 1), putInt(nil, -7)...), "want 1 to"},
		{opPermits, append(specOf(backend.KindSemaphore, "s", 1), putInt(nil, 0)...), "want 1 to"},
		{opGiveBack, append(specOf(backend.KindSemaphore, "s", 1), putInt(nil, tooMany)...), "want 1 to"},
		{opResizePermits, append(specOf(backend.KindBoundedSemaphore, "s", 1), putInt(nil, -1)...), "want 0 to"},
		{opGet, append(specOf(backend.KindArray, "a", -1), putBytes(nil, nil)...), "want at least 0"},
		{opSet, specOf(backend.KindEvent, strings.Repeat("n", 5000), 0), "at most 1024"},
		{opSet, specOf(backend.KindEvent, "a\x00b", 0), "no NUL"},
		{opPeek, append([]byte{kindNumber(backend.KindQueue), 3 * flagOrder}, specOf(backend.KindQueue, "q", 0)[2:]...), "order 3"},
		{opRelease, append(specOf(backend.KindLock, "l", 0), 77, 0), "session ended"},
		{opNotify, append(specOf(backend.KindCondition, "c", 0), 77, 2), "session ended"},
		{opWait, append(specOf(backend.KindCondition, "c", 0), 77, 0), "session ended"},
		{opOnceDone, append(specOf(backend.KindOnce, "o", 0), 77), "session ended"},
		{opSettle, append(specOf(backend.KindQueue, "q", 0), 77, 0, 0), "session ended"},
		{opSettleDead, append(specOf(backend.KindQueue, "q", 0), 77, 0, 0), "session ended"},
		{opNext, []byte{77}, "not found"},
		{opEnd, putString(nil, "nobody"), "not found"},
		{opDelete, putString([]byte{kindNumber(backend.KindLock)}, "none"), "not found"},
		{opCall, putBytes(putString(specOf(backend.KindObject, "o", 0), "m"), nil), "is not registered"},
		{opListGet, append(specOf(backend.KindList, "l", 0), 2), "index 1 of 0"},
		{opResizeQueue, append(specOf(backend.KindQueue, "q", 0), putInt(nil, -9)...), ""},
	} {
		r.send(frame(ask(uint32(i+1), c.op, formForever, c.rest...)))
		b, err := r.in.next()
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if status := b[4]; (status == statusError) != (c.word != "") || !strings.Contains(string(b), c.word) {
			t.Errorf("%d: status %d, %q, want %q", i, status, b[5:], c.word)
		}
	}
	// A cancel, a close, and the end of an action of nobody are late, not wrong.
	r.send(frame([]byte{99, 0, 0, 0, opCancel}))
	r.send(frame([]byte{99, 0, 0, 0, opActed, 1}))
	r.send(frame(ask(99, opClose, formForever, 99)))
	r.send(frame(ask(100, opSet, formForever, specOf(backend.KindEvent, "e", 0)...)))
	if b, err := r.in.next(); err != nil || b[0] != 100 || b[4] != statusOK {
		t.Error(b, err)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Memory is made as bytes arrive: to announce much costs nothing.
func TestAnAnnouncementTakesNoMemory(t *testing.T) {
	_, path := serve(t)
	before := heap()
	const n = 200
	for range n {
		r := dialRaw(t, path).greet()
		r.send(append(binary.LittleEndian.AppendUint32(nil, maxFrame), make([]byte, 1000)...))
	}
	if c := client(t, path); !c.ping(t) {
		t.Error("the others are not served")
	}
	if grown := heap() - min(before, heap()); grown > n*256<<10 {
		t.Errorf("%d connections that announced %d bytes each take %d", n, maxFrame, grown)
	}
}

func (c *Client) ping(t testing.TB) bool {
	t.Helper()
	e := c.Event(backend.Spec{Kind: backend.KindEvent, Name: "ping"})
	if err := e.Set(context.Background()); err != nil {
		t.Error(err)
		return false
	}
	is, err := e.IsSet(context.Background())
	return is && err == nil
}

// A client that asks and does not read what it is told stops itself, and nobody else; when it reads, all is there. It is
// so, too, if the answer that it does not read is one that it had to wait for, which another goroutine writes.
func TestAClientThatDoesNotReadStopsItself(t *testing.T) {
	for _, waited := range []bool{false, true} {
		t.Run(fmt.Sprint("an answer that it waited for: ", waited), func(t *testing.T) { doesNotRead(t, waited) })
	}
}

func doesNotRead(t *testing.T, waited bool) {
	defer proof.Watch(t)()
	store, path := serve(t)
	c := client(t, path)
	d := c.Table(backend.Spec{Kind: backend.KindDict, Name: "d", Codec: "json"})
	value := bytes.Repeat([]byte("v"), 100_000)
	if _, _, err := d.Put(context.Background(), []byte("k"), value, backend.If{}); err != nil {
		t.Fatal(err)
	}
	r := dialRaw(t, path).greet()
	if waited {
		r.send(frame(ask(1<<30, opDequeue, formForever, specOf(backend.KindQueue, "q", 0)...)))
		waits(t, store, 1)
		q := c.Queue(backend.Spec{Kind: backend.KindQueue, Name: "q", Codec: "json"})
		if err := q.Put(backend.Wait{}, backend.Item{Payload: make([]byte, 4<<20)}); err != nil {
			t.Fatal(err)
		}
		waits(t, store, 0) // it is being written, and not read
	}
	get := append(specOf(backend.KindDict, "d", 0), putBytes(nil, []byte("k"))...)
	const asked = 20_000 // 2 GB of answers
	before := heap()
	sent := make(chan int, 1)
	go func() {
		for i := range asked {
			_ = r.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := r.Write(frame(ask(uint32(i+1), opGet, formForever, get...))); err != nil {
				sent <- i // the server reads no more; a part of this one may be sent
				return
			}
		}
		sent <- asked
	}()
	n := <-sent
	if n == asked {
		t.Fatal("the server has read everything")
	}
	if grown := heap() - min(before, heap()); grown > 128<<20 { // of 2 GB; what is being answered and written is there twice
		t.Errorf("%d requests whose answers are not read take %d bytes", n, grown)
	}
	if !c.ping(t) {
		t.Error("the others are not served")
	}
	for i := 0; i < n; i++ {
		b, err := r.in.next()
		if err != nil {
			t.Fatal(err)
		}
		id := binary.LittleEndian.Uint32(b)
		if id == 1<<30 && waited && len(b) > 4<<20 {
			waited = false
			i--
			continue
		}
		if id != uint32(i+1) || b[4] != statusOK || len(b) < len(value) {
			t.Fatalf("answer %d: id %d, status %d, %d bytes", i, id, b[4], len(b))
		}
	}
}

// waits waits until n calls wait.
func waits(t *testing.T, store *local.Store, n int) {
	t.Helper()
	own := store.NewClient("", "", nil, nil)
	defer own.Close()
	for {
		waiting := 0
		for i, err := range own.Objects(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			waiting += len(i.Waiters)
		}
		if waiting == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// One that never reads what a watch yields takes no more either, and is gone when it hangs up.
func TestAWatcherThatDoesNotReadIsBounded(t *testing.T) {
	defer proof.Watch(t)()
	store, path := serve(t)
	c := client(t, path)
	d := c.Table(backend.Spec{Kind: backend.KindDict, Name: "d", Codec: "json"})
	r := dialRaw(t, path).greet()
	r.send(frame(ask(1, opChanges, formForever, specOf(backend.KindDict, "d", 0)...)))
	value := bytes.Repeat([]byte("v"), 1000)
	before := heap()
	for i := range 12_000 {
		if _, _, err := d.Put(context.Background(), []byte(fmt.Sprint(i%8_000)), value, backend.If{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Clear(context.Background()); err != nil {
		t.Fatal(err)
	}
	if grown := heap() - min(before, heap()); grown > 16<<20 {
		t.Errorf("a watcher that does not read takes %d bytes", grown)
	}
	_ = r.Close()
	waits(t, store, 0)
}

// Too many calls that wait, or sequences that are open, are refused; the rest goes on.
func TestTooManyCallsAreRefused(t *testing.T) {
	defer proof.Watch(t)()
	defer func(n int) { mostCalls = n }(mostCalls) // after the server has ended
	mostCalls = 1000
	t.Run("served", tooManyCalls)
}

func tooManyCalls(t *testing.T) {
	_, path := serve(t)
	r := dialRaw(t, path).greet()
	go func() {
		wait := specOf(backend.KindEvent, "never", 0)
		var all []byte
		for i := range uint32(mostCalls + 10) {
			all = append(all, frame(ask(i+1, opAwait, formForever, wait...))...)
		}
		_, _ = r.Write(all)
	}()
	for range 10 {
		b, err := r.in.next()
		if err != nil {
			t.Fatal(err)
		}
		if id := binary.LittleEndian.Uint32(b); id <= uint32(mostCalls) || b[4] != statusError || !strings.Contains(string(b), "over quota") {
			t.Errorf("%q", b)
		}
	}
	if !client(t, path).ping(t) {
		t.Error("the others are not served")
	}
	_ = r.Close()
}
