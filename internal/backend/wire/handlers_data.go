package wire

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
)

func tableOf(c *conn, r *request) backend.Table {
	return handle(c, r, (*local.Client).Table, backend.KindDict, backend.KindValue, backend.KindArray)
}

func counterOf(c *conn, r *request) backend.Counter {
	return handle(c, r, (*local.Client).Counter, backend.KindCounter)
}

func listOf(c *conn, r *request) backend.List {
	return handle(c, r, (*local.Client).List, backend.KindList)
}

func addDataHandlers() {
	handlers[opGet] = func(c *conn, r *request) error {
		t, key := tableOf(c, r), r.bytes()
		return c.now(r, func() ([]byte, error) {
			cell, err := t.Get(at, key)
			return putCell(nil, cell), err
		})
	}
	handlers[opPut] = (*conn).put
	handlers[opRemove] = func(c *conn, r *request) error {
		t, key := tableOf(c, r), r.bytes()
		return c.now(r, func() ([]byte, error) {
			cell, err := t.Delete(at, key)
			return putCell(nil, cell), err
		})
	}
	handlers[opPutAll] = func(c *conn, r *request) error {
		t := tableOf(c, r)
		var pairs []backend.Pair
		for n := r.uint(); n > 0 && !r.bad; n-- {
			pairs = append(pairs, backend.Pair{Key: r.bytes(), Cell: backend.Cell{Value: bytes.Clone(r.bytes())}})
		}
		return c.do(r, func() error { return t.PutAll(at, pairs) })
	}
	handlers[opEmpty] = func(c *conn, r *request) error {
		t := tableOf(c, r)
		return c.do(r, func() error { return t.Clear(at) })
	}
	handlers[opCount] = func(c *conn, r *request) error {
		t := tableOf(c, r)
		return c.number(r, func() (int, error) { return t.Len(at) })
	}
	handlers[opPairs] = func(c *conn, r *request) error { return open(c, r, tableOf(c, r).All, putPair) }
	handlers[opChanges] = func(c *conn, r *request) error { return open(c, r, tableOf(c, r).Watch, putChange) }

	handlers[opAdd] = func(c *conn, r *request) error {
		o, n := counterOf(c, r), r.int64()
		return c.now(r, func() ([]byte, error) {
			sum, err := o.Add(at, n)
			return putInt(nil, sum), err
		})
	}
	handlers[opSetCount] = func(c *conn, r *request) error {
		o, n := counterOf(c, r), r.int64()
		return c.do(r, func() error { return o.Set(at, n) })
	}

	handlers[opListGet] = func(c *conn, r *request) error {
		l, i := listOf(c, r), r.int()
		return c.now(r, func() ([]byte, error) { return l.Get(at, i) })
	}
	handlers[opListPop] = func(c *conn, r *request) error {
		l, i := listOf(c, r), r.int()
		return c.now(r, func() ([]byte, error) { return l.Pop(at, i) })
	}
	handlers[opListSet] = func(c *conn, r *request) error {
		l, i, value := listOf(c, r), r.int(), bytes.Clone(r.bytes())
		return c.do(r, func() error { return l.Set(at, i, value) })
	}
	handlers[opListInsert] = func(c *conn, r *request) error {
		l, i, value := listOf(c, r), r.int(), bytes.Clone(r.bytes())
		return c.do(r, func() error { return l.Insert(at, i, value) })
	}
	handlers[opListAppend] = func(c *conn, r *request) error {
		l, _, values := listOf(c, r), r.uint(), r.values()
		return c.do(r, func() error { return l.Append(at, values) })
	}
	handlers[opListReplace] = func(c *conn, r *request) error {
		l, rev, values := listOf(c, r), r.uint(), r.values()
		return c.do(r, func() error { return l.Replace(at, rev, values) })
	}
	handlers[opListLen] = func(c *conn, r *request) error {
		l := listOf(c, r)
		return c.number(r, func() (int, error) { return l.Len(at) })
	}
	handlers[opListLoad] = func(c *conn, r *request) error {
		l := listOf(c, r)
		return open(c, r, func(ctx context.Context) iter.Seq2[[]byte, error] { return loaded(ctx, l) },
			func(b, value []byte) []byte { return append(b, value...) })
	}
	handlers[opCall] = (*conn).call
}

// values takes off values, as copies.
func (r *request) values() (values [][]byte) {
	for n := r.uint(); n > 0 && !r.bad; n-- {
		values = append(values, bytes.Clone(r.bytes()))
	}
	return values
}

func (c *conn) put(r *request) error {
	t := tableOf(c, r)
	cond := backend.If{Checked: r.bool(), Rev: r.uint(), TTL: time.Duration(r.int64())}
	key, value := r.bytes(), bytes.Clone(r.bytes())
	return c.now(r, func() ([]byte, error) {
		cell, ok, err := t.Put(at, key, value, cond)
		if ok {
			return putUint(putBool(nil, true), cell.Rev), err
		}
		return putCell(putBool(nil, false), cell), err
	})
}

// loaded yields the revision of a list, and then its values.
func loaded(ctx context.Context, l backend.List) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		values, rev, err := l.Load(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		if !yield(putUint(nil, rev), nil) {
			return
		}
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}
