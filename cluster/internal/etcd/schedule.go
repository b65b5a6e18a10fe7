package etcd

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// An Entry is a schedule: what runs, and when it runs next. Each run is the step from one Next to the following one, so
// exactly one of those who try it does it.
type Entry struct {
	Name string
	Submission
	Every time.Duration // 0: the times are known to the processes that have called Schedule
	Next  time.Time

	mod int64
}

func entryOf(kv *mvccpb.KeyValue) *Entry {
	e := &Entry{}
	if kv == nil || json.Unmarshal(kv.Value, e) != nil {
		return nil
	}
	e.mod = kv.ModRevision
	return e
}

func (t *Tasks) entryKey(name string) string { return t.prefix + "s/" + url.PathEscape(name) }

// Schedule stores a schedule. One with the same task and times stays as it is, and any other gives its place up to e,
// whose next run is the earlier of the two.
func (t *Tasks) Schedule(ctx context.Context, e Entry) error {
	if t.b.Closed() {
		return backend.ErrClosed
	}
	joined, stop := t.b.joined(ctx)
	defer stop()
	_, err := detach(t.b, joined, func() (struct{}, error) {
		for {
			s, err := t.b.present(joined)
			if err != nil {
				return struct{}{}, err
			}
			kv, err := t.b.get(joined, t.entryKey(e.Name))
			if err != nil {
				return struct{}{}, err
			}
			next := e
			if old := entryOf(kv); old != nil {
				if old.Task == e.Task && bytes.Equal(old.Payload, e.Payload) && old.Every == e.Every {
					return struct{}{}, nil
				}
				if old.Next.Before(next.Next) {
					next.Next = old.Next
				}
			}
			data, _ := json.Marshal(next)
			out, err := s.exact(txn{
				lane: t.lane(s, "e"), conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(t.entryKey(e.Name)), "=", int64(cellOf(kv).Rev))},
				then: []clientv3.Op{clientv3.OpPut(t.entryKey(e.Name), string(data))},
			})
			if err != nil || out.applied {
				return struct{}{}, err
			}
		}
	}, nil)
	return t.b.unknown(joined, err)
}

// Unschedule deletes a schedule, and reports whether there was one.
func (t *Tasks) Unschedule(ctx context.Context, name string) (bool, error) {
	if t.b.Closed() {
		return false, backend.ErrClosed
	}
	joined, stop := t.b.joined(ctx)
	defer stop()
	was, err := detach(t.b, joined, func() (bool, error) {
		for {
			s, err := t.b.present(joined)
			if err != nil {
				return false, err
			}
			kv, err := t.b.get(joined, t.entryKey(name))
			if err != nil || kv == nil {
				return false, err
			}
			out, err := s.exact(txn{
				lane: t.lane(s, "e"), conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(t.entryKey(name)), "=", kv.ModRevision)},
				then: []clientv3.Op{clientv3.OpDelete(t.entryKey(name))},
			})
			if err != nil || out.applied {
				return out.applied, err
			}
		}
	}, nil)
	return was, t.b.unknown(joined, err)
}

// Entries calls f with each schedule, until it returns false.
func (t *Tasks) Entries(ctx context.Context, f func(*Entry) bool) error {
	return t.pages(ctx, "s/", func(kv *mvccpb.KeyValue) bool {
		e := entryOf(kv)
		return e == nil || f(e)
	})
}

// Tick fires schedules when their time has come, until ctx ends: those with an interval, or the one that is named, of
// which after says the time of the next run. The latter ends when the schedule is deleted.
func (t *Tasks) Tick(ctx context.Context, name string, after func(time.Time) time.Time) {
	joined, stop := t.b.joined(ctx)
	defer stop()
	m := t.b.mirror(t.prefix + "s/")
	defer m.done()
	seen := int64(0)
	for joined.Err() == nil {
		var (
			due  *Entry
			here bool
		)
		sleep, cancel := context.WithCancel(joined)
		err := m.await(sleep, nil, seen, func(state map[string]*mvccpb.KeyValue) bool {
			due, here = nil, false
			for k, kv := range state {
				e := entryOf(kv)
				if e == nil || (name == "") != (e.Every > 0) || name != "" && strings.TrimPrefix(k, t.prefix+"s/") != url.PathEscape(name) {
					continue
				}
				here = true
				if due == nil || e.Next.Before(due.Next) {
					due = e
				}
			}
			return true
		})
		cancel()
		if err != nil || name != "" && !here {
			return
		}
		m.guard.Lock()
		rev, changed := m.rev, m.changed
		m.guard.Unlock()
		if rev < seen {
			continue
		}
		wait := time.Hour
		if due != nil {
			wait = time.Until(due.Next)
		}
		if wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-changed:
			case <-timer.C:
			case <-joined.Done():
			}
			timer.Stop()
			continue
		}
		if !pauseFor(joined, rand.N(10*time.Millisecond)) { // everybody is due at once, and one is enough
			return
		}
		if rev := t.fire(joined, due, after); rev > 0 {
			seen = rev
		} else if !pauseFor(joined, 20*time.Millisecond) {
			return
		}
	}
}

// fire runs a schedule once, unless somebody else was faster.
func (t *Tasks) fire(ctx context.Context, e *Entry, after func(time.Time) time.Time) (rev int64) {
	s, err := t.b.present(ctx)
	if err != nil {
		return 0
	}
	now := time.Now()
	next := *e
	if after != nil {
		next.Next = after(now)
	} else {
		next.Next = e.Next.Add(now.Sub(e.Next)/e.Every*e.Every + e.Every) // what was missed is one run
	}
	submission := e.Submission
	_, ops := t.record(s, &submission)
	data, _ := json.Marshal(next)
	change := clientv3.OpPut(t.entryKey(e.Name), string(data))
	if next.Next.IsZero() { // it was the last
		change = clientv3.OpDelete(t.entryKey(e.Name))
	}
	out, err := s.exact(txn{
		lane: t.lane(s, "e"), conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(t.entryKey(e.Name)), "=", e.mod)},
		then: append(ops, change, t.bell()),
	})
	if err != nil || !out.applied {
		return 0
	}
	return out.receipt
}
