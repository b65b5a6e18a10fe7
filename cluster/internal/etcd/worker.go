package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// Limits hold for all workers of a pool: those of the Work that began last.
type Limits struct {
	MaxRunning int           // 0: none
	Interval   time.Duration // between two starts; 0: none
}

// A presence is the value of a Work's key.
type presence struct {
	Workers int
	Tasks   []string
}

// Enter tells everybody that a Work begins, until the result is called or the session ends.
func (t *Tasks) Enter(ctx context.Context, s *Session, workers int, tasks []string, l Limits) (leave func(), err error) {
	data, _ := json.Marshal(presence{workers, tasks})
	limits, _ := json.Marshal(l)
	key := s.s.fresh(t.prefix + "w/")
	out, err := s.s.exact(txn{
		lane: t.lane(s.s, "w"),
		then: []clientv3.Op{clientv3.OpPut(key, string(data), clientv3.WithLease(s.s.lease)), clientv3.OpPut(t.prefix+"q/limits", string(limits)), t.bell()},
	})
	if err != nil {
		return nil, err
	}
	t.saw(out.receipt)
	return func() {
		for try := 0; s.s.alive() && t.b.remove(key) != nil; try++ {
			pause(t.b.life, try)
		}
	}, nil
}

// A Session is a session of a Backend, for workers: they end with it.
type Session struct{ s *session }

// Present returns the present session.
func (b *Backend) Present(ctx context.Context) (*Session, error) {
	s, err := b.present(ctx)
	if err != nil {
		return nil, err
	}
	return &Session{s}, nil
}

// Lost is closed when the session is over.
func (s *Session) Lost() <-chan struct{} { return s.s.lost }

// A pick is what a worker's look found.
type pick struct {
	rev     int64
	small   map[string]*mvccpb.KeyValue // q/
	ids     []string
	due     *mvccpb.KeyValue
	running int
	limits  Limits
	rate    int64 // unix nanoseconds: when the next may start
}

// fullLook is how often a look begins at the beginning: a task that was submitted late may stand before where the last
// one was found.
const fullLook = time.Second

const taskWindow = 1 << 14 // stamps

// look finds up to n tasks to run.
func (t *Tasks) look(ctx context.Context, tasks []string, n int) (*pick, error) {
	for full := false; ; full = true {
		t.guard.Lock()
		if full = full || time.Since(t.full) > fullLook; full {
			t.full = time.Now()
			clear(t.heads)
		}
		ops := []clientv3.Op{
			clientv3.OpGet(t.prefix+"q/", clientv3.WithPrefix()),
			clientv3.OpGet(t.prefix+"d/", clientv3.WithPrefix(), clientv3.WithLimit(1)),
			clientv3.OpGet(t.prefix+"c/", clientv3.WithPrefix(), clientv3.WithCountOnly()),
		}
		crowded := time.Since(t.crowded) < crowdedFor
		limit := int64(n)
		if crowded {
			limit *= crowdedLook
		}
		whole := true
		for _, task := range tasks {
			from := t.prefix + "a/" + url.PathEscape(task) + "/"
			if head := t.heads[task]; head != "" {
				stamp, _ := strconv.ParseUint(head[2:18], 16, 64)
				ops = append(ops, clientv3.OpGet(from+head, clientv3.WithRange(from+head[:2]+fmt.Sprintf("%016x", stamp+taskWindow)), clientv3.WithLimit(limit), clientv3.WithKeysOnly()))
				whole = false
			} else {
				ops = append(ops, clientv3.OpGet(from, clientv3.WithPrefix(), clientv3.WithLimit(limit), clientv3.WithKeysOnly()))
			}
		}
		t.guard.Unlock()
		resp, err := retried(t.b, ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return t.b.client.Txn(ctx).Then(ops...).Commit()
		})
		if err != nil {
			return nil, err
		}
		t.saw(resp.Header.Revision)
		p := &pick{rev: resp.Header.Revision, small: make(map[string]*mvccpb.KeyValue)}
		for _, kv := range kvsOf(resp.Responses[0]) {
			p.small[strings.TrimPrefix(string(kv.Key), t.prefix+"q/")] = kv
		}
		if kv := p.small["limits"]; kv != nil {
			_ = json.Unmarshal(kv.Value, &p.limits)
		}
		p.rate = count(p.small["rate"])
		p.due = first(resp.Responses[1])
		p.running = int(resp.Responses[2].GetResponseRange().Count)
		t.guard.Lock()
		for i, task := range tasks {
			for j, kv := range kvsOf(resp.Responses[3+i]) {
				id := string(kv.Key[strings.LastIndexByte(string(kv.Key), '/')+1:])
				if j == 0 {
					t.heads[task] = id
				}
				p.ids = append(p.ids, id)
			}
		}
		t.guard.Unlock()
		sort.Strings(p.ids)
		enough := len(p.ids) >= n
		p.ids = some(p.ids, n, crowded)
		if enough || whole {
			return p, nil
		}
	}
}

// some returns n of the ids, which are the first, unless it is crowded: where several workers look at once, and each took
// the first, all but one would have looked in vain. It takes none of a priority before another that is more urgent.
func some(ids []string, n int, crowded bool) []string {
	same := 0
	for same < len(ids) && ids[same][:2] == ids[0][:2] {
		same++
	}
	if crowded && same > n {
		from := rand.IntN(same - n + 1)
		return ids[from : from+n]
	}
	return ids[:min(n, len(ids))]
}

const (
	claimedAtOnce = 20
	crowdedFor    = time.Second
	crowdedLook   = 4 // times as many as are wanted
)

// Claim waits for up to n tasks of those names, and claims them for s. It returns none when ctx ends.
func (t *Tasks) Claim(ctx context.Context, s *Session, tasks []string, n int) ([]*Record, error) {
	joined, stop := t.b.joined(ctx)
	defer stop()
	m := t.b.mirror(t.prefix + "q/")
	defer m.done()
	n = min(n, claimedAtOnce)
	for joined.Err() == nil {
		p, err := t.look(joined, tasks, n)
		if err != nil {
			break
		}
		if !s.s.alive() {
			return nil, lostOr(s.s)
		}
		wait := time.Time{}
		if p.due != nil {
			due := dueOf(string(p.due.Key[len(t.prefix):]))
			if !time.Now().Before(due) {
				t.ripe(s.s, p.due)
				continue
			}
			wait = due
		}
		now := time.Now()
		ids := p.ids
		if l := p.limits; l.MaxRunning > 0 {
			ids = ids[:min(len(ids), max(l.MaxRunning-p.running, 0))]
		}
		if p.limits.Interval > 0 && len(ids) > 0 {
			if next := time.Unix(0, p.rate); next.After(now) {
				ids = nil
				if wait.IsZero() || next.Before(wait) {
					wait = next
				}
			} else {
				ids = ids[:1]
			}
		}
		if p.small["paused"] != nil {
			ids = nil
		}
		if len(ids) > 0 {
			got, err := t.claim(s.s, p, ids)
			if err != nil || len(got) > 0 {
				return got, err
			}
			continue
		}
		sleep, cancel := joined, context.CancelFunc(func() {})
		if !wait.IsZero() {
			sleep, cancel = context.WithTimeout(joined, max(time.Until(wait), time.Millisecond))
		}
		_ = m.await(sleep, s.s, 0, func(state map[string]*mvccpb.KeyValue) bool {
			for k, kv := range state {
				if kv.ModRevision > p.rev && !strings.HasSuffix(k, "/rate") {
					return true
				}
			}
			return p.small["paused"] != nil && state[t.prefix+"q/paused"] == nil
		})
		cancel()
		if s.s.ended() != nil {
			return nil, s.s.ended()
		}
	}
	if t.b.Closed() {
		return nil, backend.ErrClosed
	}
	return nil, nil
}

func dueOf(part string) time.Time {
	ms, _ := strconv.ParseInt(strings.Split(part, "/")[1], 16, 64)
	return time.UnixMilli(ms)
}

// claim claims tasks, all in one Txn; limits make every claim depend on the last.
func (t *Tasks) claim(s *session, p *pick, ids []string) ([]*Record, error) {
	var reads []clientv3.Op
	for _, id := range ids {
		reads = append(reads, clientv3.OpGet(t.recordKey(id)), clientv3.OpGet(t.prefix+"y/"+id))
	}
	resp, err := retried(t.b, t.b.life, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.b.client.Txn(ctx).Then(reads...).Commit()
	})
	if err != nil {
		return nil, err
	}
	var (
		want []*Record
		x    = txn{lane: t.lane(s, "c")}
	)
	for i := range ids {
		r := recordOf(first(resp.Responses[2*i]))
		if r == nil || !strings.HasPrefix(r.At, "a/") {
			continue // somebody was faster
		}
		if kv := first(resp.Responses[2*i+1]); kv != nil {
			r.payload = kv.Value
		}
		is, was := clientv3.Compare(clientv3.ModRevision(t.recordKey(r.ID)), "=", r.mod), t.prefix+r.At
		r.State, r.Attempt, r.Session, r.Due = Running, r.Attempt+1, s.id, time.Time{}
		r.At = "c/" + s.id + "/" + r.ID
		x.then = append(x.then, clientv3.OpTxn([]clientv3.Cmp{is}, []clientv3.Op{clientv3.OpDelete(was), t.put(r), clientv3.OpPut(t.prefix+r.At, "")}, nil))
		x.reads = append(x.reads, clientv3.OpGet(t.recordKey(r.ID)))
		want = append(want, r)
	}
	if len(want) == 0 {
		return nil, nil
	}
	x.then = append(x.then, clientv3.OpPut(t.b.prefix+"z/"+s.id+"/pool/"+url.PathEscape(t.name), ""))
	if p.limits != (Limits{}) {
		for _, part := range [...]string{"n", "limits"} {
			mod := int64(0)
			if kv := p.small[part]; kv != nil {
				mod = kv.ModRevision
			}
			x.conds = append(x.conds, clientv3.Compare(clientv3.ModRevision(t.prefix+"q/"+part), "=", mod))
		}
		x.then = append(x.then, clientv3.OpPut(t.prefix+"q/n", ""))
		if p.limits.Interval > 0 {
			next := max(p.rate, time.Now().UnixNano()) + int64(p.limits.Interval)
			x.then = append(x.then, clientv3.OpPut(t.prefix+"q/rate", strconv.FormatInt(next, 10)))
		}
	}
	out, err := s.exact(x)
	if err != nil || !out.applied {
		return nil, err
	}
	t.saw(out.receipt)
	var got []*Record
	for i, r := range want {
		if out.did(i) {
			r.mod = out.receipt
			got = append(got, r)
		}
	}
	if len(got) < len(want) {
		t.guard.Lock()
		t.crowded = time.Now()
		t.guard.Unlock()
	}
	return got, nil
}

// ripe lets a task run that is due.
func (t *Tasks) ripe(s *session, kv *mvccpb.KeyValue) {
	id := string(kv.Key[strings.LastIndexByte(string(kv.Key), '/')+1:])
	r, err := t.Record(t.b.life, id)
	if err != nil || t.prefix+r.At != string(kv.Key) {
		return
	}
	next := *r
	if next.State == Delayed {
		next.State = Queued
	}
	t.place(&next, time.Time{})
	_, _, _ = t.step(s, r, clientv3.OpDelete(string(kv.Key)), t.put(&next), clientv3.OpPut(t.prefix+next.At, next.Task), t.bell())
}

// Finish ends a task that this session runs. It returns ErrLost if that is not so any more.
func (t *Tasks) Finish(s *Session, r *Record, state string, out []byte, fault *backend.Fault) error {
	next := *r
	next.State, next.Out, next.Fault = state, out, fault
	err := t.end(s.s, r, next)
	if errors.Is(err, backend.ErrTooLarge) {
		next.State, next.Out = Failed, nil
		f := backend.FaultOf(fmt.Errorf("task %q: its result: %w", r.Task, err))
		next.Fault = &f
		err = t.end(s.s, r, next)
	}
	return err
}

// Again puts a task back that this session runs: after a while, as state; uncounted as if it had not run.
func (t *Tasks) Again(s *Session, r *Record, state string, after time.Duration, counted bool, fault *backend.Fault) error {
	next := *r
	next.State, next.Fault = state, fault
	if !counted {
		next.Attempt--
	}
	if fault != nil {
		next.Failures++
	}
	due := time.Time{}
	if after > 0 {
		due = time.Now().Add(after)
	}
	t.place(&next, due)
	done, _, err := t.step(s.s, r, clientv3.OpDelete(t.prefix+r.At), clientv3.OpDelete(t.prefix+"k/"+r.ID), t.put(&next), clientv3.OpPut(t.prefix+next.At, next.Task), t.bell(), t.chime())
	if err == nil && !done {
		err = backend.ErrLost
	}
	return err
}

// Bury makes a task dead that this session runs.
func (t *Tasks) Bury(s *Session, r *Record, fault backend.Fault) error {
	ops, err := t.burying(r, fault)
	if err != nil {
		return err
	}
	done, _, err := t.step(s.s, r, ops...)
	if err == nil && !done {
		err = backend.ErrLost
	}
	return err
}

func (t *Tasks) burying(r *Record, fault backend.Fault) ([]clientv3.Op, error) {
	next := *r
	next.State, next.Fault, next.At, next.Session = Failed, &fault, "x/"+r.ID, ""
	data, _ := json.Marshal(next)
	return []clientv3.Op{clientv3.OpDelete(t.prefix + r.At), clientv3.OpDelete(t.prefix + "k/" + r.ID), clientv3.OpPut(t.prefix+"x/"+r.ID, string(data)), t.put(&next), t.bell(), t.chime()}, nil
}

const mostDeliveries = 20

// reapTasks gives back what a session ran that is over.
func (b *Backend) reapTasks(ctx context.Context, session, name string) error {
	t := b.Tasks(name)
	r, err := b.list(ctx, t.prefix+"c/"+session+"/", clientv3.WithKeysOnly())
	if err != nil {
		return err
	}
	for _, kv := range r.Kvs {
		id := string(kv.Key[strings.LastIndexByte(string(kv.Key), '/')+1:])
		for {
			record, err := b.get(ctx, t.recordKey(id))
			if err != nil {
				return err
			}
			r := recordOf(record)
			if r == nil || t.prefix+r.At != string(kv.Key) {
				break // somebody was faster
			}
			next := *r
			next.State = Queued
			t.place(&next, time.Time{})
			ops := []clientv3.Op{clientv3.OpDelete(t.prefix + r.At), t.put(&next), clientv3.OpPut(t.prefix+next.At, next.Task), t.bell(), t.chime()}
			if r.Attempt >= mostDeliveries {
				fault := backend.FaultOf(fmt.Errorf("task %q: its worker died %d times", r.Task, r.Attempt))
				if ops, err = t.burying(r, fault); err != nil {
					return err
				}
			}
			one, cancel := context.WithTimeout(ctx, requestTime)
			_, err = b.client.Txn(one).If(clientv3.Compare(clientv3.CreateRevision(b.prefix+"s/"+session), "=", 0),
				clientv3.Compare(clientv3.ModRevision(t.recordKey(id)), "=", r.mod)).Then(ops...).Commit()
			cancel()
			if err == nil {
				break // applied, or somebody was faster
			}
			if !pause(ctx, 3) {
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// Cancelled follows the tasks that are asked to stop: f is called with the id of each, until ctx ends.
func (t *Tasks) Cancelled(ctx context.Context, f func(id string)) {
	m := t.b.mirror(t.prefix + "k/")
	defer m.done()
	seen := map[string]bool{}
	for {
		var news []string
		err := m.await(ctx, nil, 0, func(state map[string]*mvccpb.KeyValue) bool {
			for k := range state {
				if id := k[len(t.prefix)+2:]; !seen[id] {
					news = append(news, id)
				}
			}
			return len(news) > 0
		})
		if err != nil {
			return
		}
		for _, id := range news {
			seen[id] = true
			f(id)
		}
	}
}

// SetProgress stores the progress of a task that this session runs.
func (t *Tasks) SetProgress(s *Session, r *Record, data []byte) error {
	out, err := s.s.exact(txn{
		conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(t.recordKey(r.ID)), "=", r.mod)},
		then:  []clientv3.Op{clientv3.OpPut(t.recordKey(r.ID)+".p", string(data), clientv3.WithLease(s.s.lease))},
		lane:  t.lane(s.s, "g"),
	})
	if err == nil && !out.applied {
		err = backend.ErrLost
	}
	return err
}

// Progress calls f with each progress of a task that it sees, until the task has ended, f returns false, or ctx ends.
func (t *Tasks) Progress(ctx context.Context, id string, f func([]byte) bool) error {
	joined, stop := t.b.joined(ctx)
	defer stop()
	if _, err := t.Record(joined, id); err != nil {
		return err
	}
	m := t.b.mirror(t.recordKey(id))
	defer m.done()
	var shown int64
	for {
		var (
			news  []byte
			ended bool
		)
		err := m.await(joined, nil, 0, func(state map[string]*mvccpb.KeyValue) bool {
			if kv := state[t.recordKey(id)+".p"]; kv != nil && kv.ModRevision > shown {
				shown, news = kv.ModRevision, kv.Value
			}
			r := recordOf(state[t.recordKey(id)])
			ended = r == nil || r.Ended()
			return news != nil || ended
		})
		if err != nil {
			return err
		}
		if news != nil && !f(news) || ended {
			return nil
		}
	}
}

// A Census counts the tasks of a pool.
type Census struct {
	Queued, Delayed, Running, Dead, Unknown, Workers int
	Paused                                           bool
}

// Count counts them: it walks over all that wait.
func (t *Tasks) Count(ctx context.Context) (c Census, err error) {
	if t.b.Closed() {
		return c, backend.ErrClosed
	}
	joined, stop := t.b.joined(ctx)
	defer stop()
	resp, err := retried(t.b, joined, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		count := func(part string) clientv3.Op {
			return clientv3.OpGet(t.prefix+part, clientv3.WithPrefix(), clientv3.WithCountOnly())
		}
		return t.b.client.Txn(ctx).Then(count("a/"), count("d/"), count("c/"), count("x/"), clientv3.OpGet(t.prefix+"q/paused"),
			clientv3.OpGet(t.prefix+"w/", clientv3.WithPrefix())).Commit()
	})
	if err != nil {
		return c, err
	}
	n := func(i int) int { return int(resp.Responses[i].GetResponseRange().Count) }
	c = Census{Queued: n(0), Delayed: n(1), Running: n(2), Dead: n(3), Paused: first(resp.Responses[4]) != nil, Unknown: n(0)}
	known := map[string]bool{}
	for _, kv := range kvsOf(resp.Responses[5]) {
		var p presence
		_ = json.Unmarshal(kv.Value, &p)
		c.Workers += p.Workers
		for _, task := range p.Tasks {
			if !known[task] {
				known[task] = true
				r, err := t.b.list(joined, t.prefix+"a/"+url.PathEscape(task)+"/", clientv3.WithCountOnly(), clientv3.WithRev(resp.Header.Revision))
				if err != nil {
					return c, err
				}
				c.Unknown -= int(r.Count)
			}
		}
	}
	return c, nil
}

// Each calls f with the records of all tasks in a state, until it returns false.
func (t *Tasks) Each(ctx context.Context, state string, f func(*Record) bool) error {
	return t.pages(ctx, "i/", func(kv *mvccpb.KeyValue) bool {
		if strings.HasSuffix(string(kv.Key), ".p") {
			return true
		}
		r := recordOf(kv)
		return r == nil || r.State != state || f(r)
	})
}

// EachDead calls f with the record of each dead task.
func (t *Tasks) EachDead(ctx context.Context, f func(*Record) bool) error {
	return t.pages(ctx, "x/", func(kv *mvccpb.KeyValue) bool {
		r := recordOf(kv)
		return r == nil || f(r)
	})
}

func (t *Tasks) pages(ctx context.Context, part string, f func(*mvccpb.KeyValue) bool) error {
	if t.b.Closed() {
		return backend.ErrClosed
	}
	joined, stop := t.b.joined(ctx)
	defer stop()
	from, end := t.prefix+part, clientv3.GetPrefixRangeEnd(t.prefix+part)
	for {
		r, err := retried(t.b, joined, func(ctx context.Context) (*clientv3.GetResponse, error) {
			return t.b.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageSize))
		})
		if err != nil {
			return err
		}
		for _, kv := range r.Kvs {
			if joined.Err() != nil {
				return context.Cause(joined)
			}
			if !f(kv) {
				return nil
			}
			from = string(kv.Key) + "\x00"
		}
		if !r.More {
			return nil
		}
	}
}

// Settle drops a dead task, or lets it run again.
func (t *Tasks) Settle(ctx context.Context, dead *Record, revive bool) error {
	joined, stop := t.b.joined(ctx)
	defer stop()
	_, err := detach(t.b, joined, func() (struct{}, error) {
		s, err := t.b.present(joined)
		if err != nil {
			return struct{}{}, err
		}
		key := t.prefix + "x/" + dead.ID
		x := txn{
			lane:  t.lane(s, "x"),
			conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(key), "=", dead.mod)},
			then:  []clientv3.Op{clientv3.OpDelete(key)},
		}
		if revive {
			next := *dead
			next.State, next.Attempt, next.Failures, next.Fault = Queued, 0, 0, nil
			t.place(&next, time.Time{})
			x.then = append(x.then, t.put(&next), clientv3.OpPut(t.prefix+next.At, next.Task), t.bell())
		} else {
			x.then = append(x.then, clientv3.OpDelete(t.prefix+"y/"+dead.ID), clientv3.OpDelete(t.recordKey(dead.ID)))
		}
		out, err := s.exact(x)
		if err == nil && !out.applied {
			err = backend.Errorf(backend.ErrNotFound, "the dead task %q: somebody else has settled it", dead.ID)
		}
		return struct{}{}, err
	}, nil)
	return t.b.unknown(joined, err)
}

// Pause keeps workers from taking tasks, until Pause(false).
func (t *Tasks) Pause(ctx context.Context, on bool) error {
	joined, stop := t.b.joined(ctx)
	defer stop()
	_, err := detach(t.b, joined, func() (struct{}, error) {
		s, err := t.b.present(joined)
		if err != nil {
			return struct{}{}, err
		}
		then := []clientv3.Op{clientv3.OpPut(t.prefix+"q/paused", "")}
		if !on {
			then = []clientv3.Op{clientv3.OpDelete(t.prefix + "q/paused"), t.bell()}
		}
		_, err = s.exact(txn{lane: t.lane(s, "q"), then: then})
		return struct{}{}, err
	}, nil)
	return t.b.unknown(joined, err)
}
