package etcd

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/queue"
)

// A Tx is a transaction over several objects: what it has read must be so still when what it writes is written.
type Tx struct {
	b      *Backend
	ctx    context.Context
	s      *session
	conds  []clientv3.Cmp
	writes map[string]*string // nil: deleted
	seen   map[string]backend.Cell
	puts   []clientv3.Op
	rooms  map[string]int // of bounded queues, by prefix
	metas  map[string]bool
	holds  []*holding
	keys   int
}

// MostTxKeys is how many keys a transaction may read and write.
const MostTxKeys = 100

// Transact calls fn until what it did could be committed, or it returns an error.
func (b *Backend) Transact(ctx context.Context, fn func(*Tx) error) error {
	if b.Closed() {
		return backend.ErrClosed
	}
	joined, stop := b.joined(ctx)
	defer stop()
	for try := 0; ; try++ {
		if joined.Err() != nil {
			return context.Cause(joined)
		}
		s, err := b.present(joined)
		if err != nil {
			return err
		}
		x := &Tx{b: b, ctx: joined, s: s, writes: map[string]*string{}, seen: map[string]backend.Cell{}, rooms: map[string]int{}, metas: map[string]bool{}}
		if err := fn(x); err != nil {
			return err
		}
		done, err := detach(b, joined, x.commit, nil)
		if err != nil || done {
			return b.unknown(joined, err)
		}
		if !pause(joined, min(try, 4)) {
			return context.Cause(joined)
		}
	}
}

func (x *Tx) commit() (bool, error) {
	t := txn{lane: x.s.lane("x"), conds: x.conds, then: x.puts}
	for key, value := range x.writes {
		if value == nil {
			t.then = append(t.then, clientv3.OpDelete(key))
		} else {
			t.then = append(t.then, clientv3.OpPut(key, *value))
		}
	}
	for _, h := range x.holds {
		t.conds = append(t.conds, created(h.key, h.create))
		t.reads = append(t.reads, clientv3.OpGet(h.key))
	}
	if x.keys > MostTxKeys {
		return false, backend.Errorf(backend.ErrTooLarge, "a transaction over %d keys, want at most %d", x.keys, MostTxKeys)
	}
	if len(t.then) == 0 && len(t.conds) == 0 {
		return true, nil
	}
	out, err := x.s.exact(t)
	if err != nil {
		return false, err
	}
	if !out.applied {
		for i, h := range x.holds {
			if kv := first(out.reads[i]); kv == nil || kv.CreateRevision != h.create {
				x.b.sessionLooks(h.s)
				return false, backend.ErrLost
			}
		}
	}
	return out.applied, nil
}

// of makes the commit depend on the object being the same.
func (x *Tx) of(r *ref) error {
	if x.metas[r.prefix] {
		return nil
	}
	m, err := r.enter(x.ctx)
	if err != nil {
		return err
	}
	kv, err := x.b.get(x.ctx, m.key)
	if err != nil {
		return err
	}
	if kv == nil || kv.CreateRevision != m.create {
		r.forget()
		return x.of(r)
	}
	x.metas[r.prefix] = true
	x.conds = append(x.conds, created(m.key, m.create))
	return nil
}

// Get reads a value.
func (x *Tx) Get(table backend.Table, key []byte) (backend.Cell, error) {
	r := table.(*tableRef)
	k := r.key(key)
	if value, written := x.writes[k]; written {
		if value == nil {
			return backend.Cell{}, nil
		}
		return backend.Cell{Value: []byte(*value), Rev: 1}, nil
	}
	if c, seen := x.seen[k]; seen {
		return c, nil
	}
	if err := x.of(r.ref); err != nil {
		return backend.Cell{}, err
	}
	kv, err := x.b.get(x.ctx, k)
	if err != nil {
		return backend.Cell{}, err
	}
	c := cellOf(kv)
	x.seen[k] = c
	x.conds = append(x.conds, clientv3.Compare(clientv3.ModRevision(k), "=", int64(c.Rev)))
	x.keys++
	return c, nil
}

// Set writes a value; nil deletes it.
func (x *Tx) Set(table backend.Table, key []byte, value []byte) error {
	r := table.(*tableRef)
	if err := r.fits(len(key) + len(value)); err != nil {
		return err
	}
	if err := x.of(r.ref); err != nil {
		return err
	}
	k := r.key(key)
	if _, written := x.writes[k]; !written {
		if _, seen := x.seen[k]; !seen {
			x.keys++
		}
	}
	x.writes[k] = nil
	if value != nil {
		s := string(value)
		x.writes[k] = &s
	}
	return nil
}

// Put puts an item into a queue.
func (x *Tx) Put(q backend.Queue, item backend.Item) error {
	r := q.(*queueRef)
	if err := r.fits(len(item.Payload)); err != nil {
		return err
	}
	if err := x.of(r.ref); err != nil {
		return err
	}
	count := func(part string) clientv3.Op {
		return clientv3.OpGet(r.prefix+part, clientv3.WithPrefix(), clientv3.WithCountOnly())
	}
	reads, rev, err := r.read(x.ctx, clientv3.OpGet(r.prefix+"q/", clientv3.WithPrefix()), clientv3.OpGet(r.metaKey()), count("a/"), count("b/"))
	if err != nil {
		return err
	}
	v := &view{rev: rev}
	v.read(r.prefix+"q/", kvsOf(reads[0]))
	meta := first(reads[1])
	n := specOf(meta).N
	if v.state != "" {
		return queue.ErrShutdown
	}
	used := x.rooms[r.prefix]
	if n > 0 {
		if int(reads[2].GetResponseRange().Count+reads[3].GetResponseRange().Count)+used >= n {
			return queue.ErrFull
		}
	}
	if used == 0 {
		x.conds = append(x.conds, clientv3.Compare(clientv3.ModRevision(r.prefix+"q/s"), "=", 0))
		if n > 0 {
			x.conds = append(x.conds, clientv3.Compare(clientv3.ModRevision(r.prefix+"q/t"), "=", v.mod("t")),
				clientv3.Compare(clientv3.ModRevision(r.metaKey()), "=", meta.ModRevision))
		}
		x.puts = append(x.puts, r.bell())
	}
	x.rooms[r.prefix]++
	x.keys++
	level := levelKey(item.Level)
	floor := r.prefix + "q/f/" + level
	if _, there := v.floors[level]; there {
		x.conds = append(x.conds, clientv3.Compare(clientv3.Value(floor), "<", fmt.Sprintf("%016x", rev+1)))
	} else if !x.metas[floor] {
		x.metas[floor] = true
		x.conds = append(x.conds, created(floor, 0))
		x.puts = append(x.puts, clientv3.OpPut(floor, fmt.Sprintf("%016x", 0)))
	}
	x.puts = append(x.puts, clientv3.OpPut(r.prefix+"a/"+r.id(item.Level, uint64(rev), used, x.s.fresh("")), itemValue(0, item.Payload)))
	return nil
}

// Holding makes the commit depend on h being held.
func (x *Tx) Holding(h backend.Holding) error {
	own, ok := h.(*holding)
	if !ok || !own.s.alive() || own.s != x.s {
		return backend.ErrLost
	}
	x.holds = append(x.holds, own)
	x.keys++
	return nil
}
