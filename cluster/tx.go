package cluster

import (
	"context"

	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
)

// A Tx is a transaction, for the function that [Cluster.Update] calls.
type Tx struct {
	tx *etcd.Tx
	c  *Cluster
}

// Update calls fn and commits what it has done with tx in one step: all of it, if
// everything that it has read is so still, or nothing. Otherwise fn runs again, so
// it should do nothing else. If fn returns an error, nothing is changed and Update
// returns that. A transaction may touch 100 keys; beyond that Update returns
// [manager.ErrTooLarge].
func (c *Cluster) Update(ctx context.Context, fn func(tx *Tx) error) error {
	if fn == nil {
		panic("cluster: Update with a nil function")
	}
	if c.b.Closed() {
		return manager.ErrClosed
	}
	if backend.Ended(ctx) {
		return backend.Cause(ctx)
	}
	return c.b.Transact(ctx, func(tx *etcd.Tx) error { return fn(&Tx{tx, c}) })
}

// table returns the table of a dict with the key as it is stored.
func table[K comparable, V any](tx *Tx, d *manager.Dict[K, V], k K) (backend.Table, backend.Handle, []byte, error) {
	h := backend.Describe(d)
	if h.Backend != backend.Backend(tx.c.b) {
		return nil, h, nil, backend.Errorf(manager.ErrValue, "%s of another Manager in a transaction", h.Spec)
	}
	key, err := h.Key(k)
	return h.Object.(backend.Table), h, key, err
}

// TxGet returns the value of k, and whether there is one.
func TxGet[K comparable, V any](tx *Tx, d *manager.Dict[K, V], k K) (v V, ok bool, err error) {
	t, h, key, err := table(tx, d, k)
	if err != nil {
		return v, false, err
	}
	c, err := tx.tx.Get(t, key)
	if err != nil || c.Rev == 0 {
		return v, false, err
	}
	v, err = decode[V](h.Codec, c.Value)
	return v, err == nil, err
}

// TxSet sets the value of k.
func TxSet[K comparable, V any](tx *Tx, d *manager.Dict[K, V], k K, v V) error {
	t, h, key, err := table(tx, d, k)
	if err != nil {
		return err
	}
	data, err := encode(h.Codec, v)
	if err != nil {
		return err
	}
	if data == nil {
		data = []byte{}
	}
	return tx.tx.Set(t, key, data)
}

// TxDelete deletes the value of k.
func TxDelete[K comparable, V any](tx *Tx, d *manager.Dict[K, V], k K) error {
	t, _, key, err := table(tx, d, k)
	if err != nil {
		return err
	}
	return tx.tx.Set(t, key, nil)
}

// TxPut puts an item into a queue. It returns [queue.ErrFull] if there is no room,
// and [queue.ErrShutdown].
func TxPut[T any](tx *Tx, q *manager.Queue[T], item T) error {
	h := backend.Describe(q)
	if h.Backend != backend.Backend(tx.c.b) {
		return backend.Errorf(manager.ErrValue, "%s of another Manager in a transaction", h.Spec)
	}
	i, err := h.Item(item)
	if err != nil {
		return err
	}
	return tx.tx.Put(h.Object.(backend.Queue), i)
}

// Holding lets the commit happen only while this process holds l. Otherwise it
// returns [manager.ErrLost], and so does Update if l is lost before the commit.
func (tx *Tx) Holding(l *manager.Lock) error {
	h := backend.Describe(l)
	held := h.Holding()
	if held == nil || h.Backend != backend.Backend(tx.c.b) {
		return manager.ErrLost
	}
	return tx.tx.Holding(held)
}
