package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// Tasks are a pool: functions that are to run, with their arguments. A task is its record, i/ID, and one step of its life
// is one Txn that compares the record's revision, writes the next record, and moves the key by which others find it:
//
//	a/TASK/ID      queued; an ID begins with the priority and the time
//	c/SESSION/ID   running; whoever notices the end of that session gives it back
//	d/DUE/ID       delayed, or to be tried again
//	x/ID           dead: its worker has died too often
//	y/ID           what it was submitted with, until it has ended
//	i/ID.p         its progress
//	k/ID           somebody asked a running one to stop
//	u/KEY          the ID of the task that has this key, for its window
//	w/SESSION-N    a Work, and which tasks it knows; leased
//	s/NAME         a schedule
//	q/…            the bells, "paused", and limits
type Tasks struct {
	b      *Backend
	name   string
	prefix string

	guard   sync.Mutex
	heads   map[string]string // of each task that is looked at: where its first one was
	full    time.Time         // when the last look from the beginning was
	crowded time.Time         // when another worker was last faster
	results map[string]*results
	last    atomic.Int64 // the newest revision that is known
	submits batcher[*submitting]
	ends    batcher[*ending]
}

// Tasks returns the pool of a name.
func (b *Backend) Tasks(name string) *Tasks {
	r := &ref{b: b, prefix: b.prefix + "t/" + url.PathEscape(name) + "/"}
	return share(r, func() *Tasks {
		return &Tasks{b: b, name: name, prefix: r.prefix, heads: make(map[string]string), results: make(map[string]*results)}
	})
}

// A Record is what is known of a task.
type Record struct {
	ID, Task  string
	State     string
	Attempt   int
	Failures  int    // tries that returned an error
	Session   string // whose worker runs it
	Submitted time.Time
	Due       time.Time     `json:",omitzero"`
	Keep      time.Duration // of the result
	Forget    bool
	At        string         // its place: a/…, d/…, c/…
	Out       []byte         `json:",omitempty"`
	Fault     *backend.Fault `json:",omitempty"`

	mod     int64
	payload []byte
}

// Token is that of the present attempt.
func (r *Record) Token() uint64 { return uint64(r.mod) }

// Payload is what the task was submitted with.
func (r *Record) Payload() []byte { return r.payload }

// The states.
const (
	Delayed   = "delayed"
	Queued    = "queued"
	Running   = "running"
	Retrying  = "retrying"
	Succeeded = "succeeded"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// Ended reports whether the task has ended.
func (r *Record) Ended() bool {
	return r.State == Succeeded || r.State == Failed || r.State == Cancelled
}

func recordOf(kv *mvccpb.KeyValue) *Record {
	if kv == nil {
		return nil
	}
	r := &Record{}
	if json.Unmarshal(kv.Value, r) != nil {
		return nil
	}
	r.mod = kv.ModRevision
	return r
}

func (t *Tasks) recordKey(id string) string { return t.prefix + "i/" + id }

func (t *Tasks) put(r *Record, opts ...clientv3.OpOption) clientv3.Op {
	data, _ := json.Marshal(r)
	return clientv3.OpPut(t.recordKey(r.ID), string(data), opts...)
}

func (t *Tasks) lane(s *session, name string) *lane { return s.lane(name + url.PathEscape(t.prefix)) }

func (t *Tasks) bell() clientv3.Op { return clientv3.OpPut(t.prefix+"q/t", "") }

// A Submission is a task that is to run.
type Submission struct {
	Task     string
	Payload  []byte
	Priority int8
	Due      time.Time // zero: now
	Key      string
	Window   time.Duration
	Keep     time.Duration
	Forget   bool
}

// newID is a fresh id: it sorts by priority, and then by when it was made, roughly.
func (t *Tasks) newID(s *session, priority int8) string {
	return fmt.Sprintf("%s%016x%08x-%s", levelKey(priority), t.last.Load(), s.names.Add(1), s.id)
}

// record makes the record of a submission, and the ops that store it.
func (t *Tasks) record(s *session, one *Submission) (*Record, []clientv3.Op) {
	now := time.Now()
	r := &Record{ID: t.newID(s, one.Priority), Task: one.Task, State: Queued, Submitted: now, Keep: one.Keep, Forget: one.Forget}
	t.place(r, one.Due)
	return r, []clientv3.Op{t.put(r), clientv3.OpPut(t.prefix+"y/"+r.ID, string(one.Payload)), clientv3.OpPut(t.prefix+r.At, r.Task)}
}

// place says where a task waits that is to run, at once or when it is due.
func (t *Tasks) place(r *Record, due time.Time) {
	r.Session, r.Due = "", time.Time{}
	r.At = "a/" + url.PathEscape(r.Task) + "/" + r.ID
	if due.After(time.Now()) {
		r.Due = due
		r.At = "d/" + fmt.Sprintf("%016x", max(due.UnixMilli(), 0)) + "/" + r.ID
		if r.State == Queued {
			r.State = Delayed
		}
	}
}

// Submit stores tasks: all or none. For a key that is known it returns the ID of the task that has it, with ErrDuplicate.
func (t *Tasks) Submit(ctx context.Context, all []*Submission) ([]string, error) {
	size := 0
	for _, one := range all {
		if size += len(one.Payload); len(one.Payload) > mostValue {
			return nil, backend.Errorf(backend.ErrTooLarge, "a task %q with %d bytes, want at most %d", one.Task, len(one.Payload), mostValue)
		}
	}
	if t.b.Closed() {
		return nil, backend.ErrClosed
	}
	joined, stop := t.b.joined(ctx)
	defer stop()
	if joined.Err() != nil {
		return nil, context.Cause(joined)
	}
	if len(all) == 1 && all[0].Key == "" {
		return t.submitOne(joined, all[0])
	}
	ids, err := detach(t.b, joined, func() ([]string, error) { return t.submit(joined, all) }, nil)
	return ids, t.b.unknown(joined, err)
}

// A submitting is a task that goes in one Txn with those which others submit meanwhile.
type submitting struct {
	one        *Submission
	sent, left bool
	answer     chan submitted // of one
}

type submitted struct {
	id  string
	err error
}

const (
	submittedAtOnce = 30
	endedAtOnce     = 20
)

// submitOne submits a task without a key.
func (t *Tasks) submitOne(ctx context.Context, one *Submission) ([]string, error) {
	x := &submitting{one: one, answer: make(chan submitted, 1)}
	if !t.submits.add(t.b, x, submittedAtOnce, t.submitTogether) {
		return nil, backend.ErrClosed
	}
	select {
	case a := <-x.answer:
		return []string{a.id}, a.err
	case <-ctx.Done():
	}
	t.guard.Lock()
	defer t.guard.Unlock()
	x.left = true
	return nil, unsure(x.sent, context.Cause(ctx))
}

// submitTogether stores what some callers have submitted.
func (t *Tasks) submitTogether(batch []*submitting) {
	_, lost := t.b.present(t.b.life) // nothing is sent before there is a session
	var (
		stay []*submitting
		all  []*Submission
		size int
	)
	t.guard.Lock()
	for i, x := range batch {
		if size += len(x.one.Payload); size > putBytes && len(stay) > 0 {
			defer t.submitTogether(batch[i:])
			break
		}
		if !x.left {
			x.sent = lost == nil
			stay, all = append(stay, x), append(all, x.one)
		}
	}
	t.guard.Unlock()
	if len(stay) == 0 {
		return
	}
	ids, err := t.submit(t.b.life, all)
	for i, x := range stay {
		a := submitted{err: err}
		if err == nil {
			a.id = ids[i]
		}
		x.answer <- a
	}
}

func (t *Tasks) submit(ctx context.Context, all []*Submission) ([]string, error) {
	for {
		s, err := t.b.present(ctx)
		if err != nil {
			return nil, err
		}
		var (
			ids   []string
			x     = txn{lane: t.lane(s, "w"), foreign: true}
			kinds = map[string]bool{}
		)
		for _, one := range all {
			if one.Key != "" {
				kv, err := t.b.get(ctx, t.prefix+"u/"+url.PathEscape(one.Key))
				if err != nil {
					return nil, err
				}
				if kv != nil {
					return []string{string(kv.Value)}, backend.Errorf(backend.ErrDuplicate, "a task with key %q in pool %q", one.Key, t.name)
				}
			}
			r, ops := t.record(s, one)
			ids = append(ids, r.ID)
			x.then = append(x.then, ops...)
			if one.Key != "" && one.Window > 0 {
				lease, err := t.b.ttlLease(one.Window)
				if err != nil {
					return nil, err
				}
				x.conds = append(x.conds, created(t.prefix+"u/"+url.PathEscape(one.Key), 0))
				x.then = append(x.then, clientv3.OpPut(t.prefix+"u/"+url.PathEscape(one.Key), r.ID, clientv3.WithLease(lease)))
			}
			kinds[one.Task] = true
		}
		x.then = nested(append(x.then, t.bell()))
		out, err := s.exact(x)
		switch {
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			t.b.sessionLooks(s)
			for _, one := range all {
				t.b.forgetTTL(one.Window)
			}
		case err != nil:
			return nil, err
		case out.applied:
			t.saw(out.receipt)
			return ids, nil
		}
	}
}

// saw notes a revision.
func (t *Tasks) saw(rev int64) {
	for {
		last := t.last.Load()
		if rev <= last || t.last.CompareAndSwap(last, rev) {
			return
		}
	}
}

// Record returns the record of a task, or ErrNotFound.
func (t *Tasks) Record(ctx context.Context, id string) (*Record, error) {
	if t.b.Closed() {
		return nil, backend.ErrClosed
	}
	joined, stop := t.b.joined(ctx)
	defer stop()
	kv, err := t.b.get(joined, t.recordKey(id))
	if err != nil {
		return nil, err
	}
	if r := recordOf(kv); r != nil {
		return r, nil
	}
	return nil, backend.Errorf(backend.ErrNotFound, "no task %q in pool %q: it is unknown, was forgotten, or ended too long ago", id, t.name)
}

// step goes from the record r to next, with what else belongs to the step, and reports whether r was the record still.
func (t *Tasks) step(s *session, r *Record, ops ...clientv3.Op) (bool, int64, error) {
	out, err := s.exact(txn{
		lane: laneOf(s, r.ID), foreign: true,
		conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(t.recordKey(r.ID)), "=", r.mod)},
		then:  ops,
	})
	return out.applied, out.receipt, err
}

// ending are the ops that end a task with next, whose state says how.
func (t *Tasks) ending(r, next *Record) ([]clientv3.Op, error) {
	ops := []clientv3.Op{
		clientv3.OpDelete(t.prefix + r.At), clientv3.OpDelete(t.prefix + "y/" + r.ID), clientv3.OpDelete(t.recordKey(r.ID) + ".p"),
		clientv3.OpDelete(t.prefix + "k/" + r.ID),
	}
	next.At, next.Session = "", ""
	if next.Forget {
		return append(ops, clientv3.OpDelete(t.recordKey(r.ID))), nil
	}
	lease, err := t.b.ttlLease(next.Keep)
	if err != nil {
		return nil, err
	}
	return append(ops, t.put(next, clientv3.WithLease(lease))), nil
}

// chime wakes those whom a limit holds up.
func (t *Tasks) chime() clientv3.Op { return clientv3.OpPut(t.prefix+"q/o", "") }

// An ending is the end of a task, in one Txn with those of others.
type ending struct {
	s       *session
	r, next *Record
	answer  chan error // of one
}

// end ends a task. It returns ErrLost if r is not its record any more.
func (t *Tasks) end(s *session, r *Record, next Record) error {
	one := &ending{s, r, &next, make(chan error, 1)}
	if !t.ends.add(t.b, one, endedAtOnce, t.endTogether) {
		return backend.ErrClosed
	}
	return <-one.answer
}

// endTogether ends tasks of this process, each for itself. One that is too large for a Txn with others goes alone.
func (t *Tasks) endTogether(batch []*ending) {
	s, size := batch[0].s, 0
	for i, one := range batch {
		if size += len(one.next.Out); i > 0 && (one.s != s || size > putBytes) {
			t.endTogether(batch[:i])
			t.endTogether(batch[i:])
			return
		}
	}
	answer := func(err error) {
		for _, one := range batch {
			one.answer <- err
		}
	}
	for {
		x := txn{lane: t.lane(s, "f"), foreign: true}
		for _, one := range batch {
			ops, err := t.ending(one.r, one.next)
			if err != nil {
				answer(err)
				return
			}
			key := t.recordKey(one.r.ID)
			x.then = append(x.then, clientv3.OpTxn([]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(key), "=", one.r.mod)}, ops, nil))
			x.reads = append(x.reads, clientv3.OpGet(key))
		}
		x.then = append(x.then, t.chime())
		out, err := s.exact(x)
		switch {
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			t.b.sessionLooks(s)
			for _, one := range batch {
				t.b.forgetTTL(one.next.Keep)
			}
			continue
		case err != nil:
			answer(err)
			return
		case !out.applied: // the lane's last receipt was not known
			continue
		}
		for i, one := range batch {
			gone := out.rev == 0 && one.next.Forget && first(out.reads[i]) == nil
			if gone || out.did(i) {
				one.answer <- nil
			} else {
				one.answer <- backend.ErrLost
			}
		}
		return
	}
}

// Cancel ends a task that does not run, and asks one that does to stop. It reports whether it never ran.
func (t *Tasks) Cancel(ctx context.Context, id string) (bool, error) {
	joined, stop := t.b.joined(ctx)
	defer stop()
	never, err := detach(t.b, joined, func() (bool, error) {
		for {
			r, err := t.Record(t.b.life, id)
			if err != nil || r.Ended() {
				return false, err
			}
			s, err := t.b.present(joined)
			if err != nil {
				return false, err
			}
			if r.State == Running {
				done, _, err := t.step(s, r, clientv3.OpPut(t.prefix+"k/"+id, ""))
				if err != nil || done {
					return false, err
				}
				continue
			}
			next := *r
			next.State = Cancelled
			if err := t.end(s, r, next); !errors.Is(err, backend.ErrLost) || s.ended() != nil {
				return err == nil, err
			}
		}
	}, nil)
	return never, t.b.unknown(joined, err)
}

// results tell the ends of tasks of one submitter to those who wait for them, by one watch.
type results struct {
	t      *Tasks
	prefix string
	guard  sync.Mutex
	wait   map[string][]chan *Record // by record key
	on     bool
}

// Wait waits until a task has ended, and returns its record.
func (t *Tasks) Wait(ctx context.Context, id string) (*Record, error) {
	joined, stop := t.b.joined(ctx)
	defer stop()
	c := make(chan *Record, 1)
	t.guard.Lock()
	w := t.results[""]
	if w == nil {
		w = &results{t: t, prefix: t.prefix + "i/", wait: make(map[string][]chan *Record)}
		t.results[""] = w
	}
	t.guard.Unlock()
	key := t.recordKey(id)
	w.guard.Lock()
	w.wait[key] = append(w.wait[key], c)
	ready := w.on
	if !w.on {
		w.on = true
		t.b.goes(w.run)
	}
	w.guard.Unlock()
	defer w.leave(key, c)
	if ready { // the watch is on, so whatever it has not told yet it will tell; but what was before it has to be read
		r, err := t.Record(joined, id)
		if err != nil || r.Ended() {
			return r, err
		}
	}
	select {
	case r := <-c:
		if r == nil {
			return nil, backend.Errorf(backend.ErrNotFound, "no task %q in pool %q: it is unknown, was forgotten, or ended too long ago", id, t.name)
		}
		return r, nil
	case <-joined.Done():
		return nil, context.Cause(joined)
	}
}

func (w *results) leave(key string, c chan *Record) {
	w.guard.Lock()
	defer w.guard.Unlock()
	all := w.wait[key]
	for i, one := range all {
		if one == c {
			w.wait[key] = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	if len(w.wait[key]) == 0 {
		delete(w.wait, key)
	}
}

func (w *results) tell(key string, r *Record) {
	w.guard.Lock()
	defer w.guard.Unlock()
	for _, c := range w.wait[key] {
		select {
		case c <- r:
		default:
		}
	}
}

// run watches until nobody waits.
func (w *results) run() {
	for try := 0; ; try++ {
		if !w.follow() {
			return
		}
		pause(w.t.b.life, try)
	}
}

// follow follows one watch, and reports whether to begin another.
func (w *results) follow() bool {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(w.t.b.life))
	defer cancel()
	watch := w.t.b.client.Watch(ctx, w.prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	if r, ok := <-watch; !ok || r.Err() != nil {
		return w.t.b.life.Err() == nil
	}
	tick := time.NewTicker(mirrorLook)
	defer tick.Stop()
	look := true
	for {
		w.guard.Lock()
		if len(w.wait) == 0 {
			w.on = false
			w.guard.Unlock()
			return false
		}
		var keys []string
		if look { // what was before the watch, or what it has missed
			for k := range w.wait {
				keys = append(keys, k)
			}
		}
		w.guard.Unlock()
		for _, k := range keys {
			kv, err := w.t.b.get(ctx, k)
			if err != nil {
				return w.t.b.life.Err() == nil
			}
			if r := recordOf(kv); r == nil || r.Ended() {
				w.tell(k, r)
			}
		}
		look = false
		select {
		case r, ok := <-watch:
			if !ok || r.Err() != nil {
				return w.t.b.life.Err() == nil
			}
			w.t.saw(r.Header.Revision)
			for _, e := range r.Events {
				key := string(e.Kv.Key)
				if e.Type == mvccpb.DELETE {
					w.tell(key, nil)
				} else if !strings.HasSuffix(key, ".p") {
					if r := recordOf(e.Kv); r != nil && r.Ended() {
						w.tell(key, r)
					}
				}
			}
		case <-tick.C:
			look = true
		}
	}
}
