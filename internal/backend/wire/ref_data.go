package wire

import (
	"context"
	"iter"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

type tableRef struct{ *ref }

func (c *Client) Table(spec backend.Spec) backend.Table { return tableRef{c.ref(spec)} }

func (r tableRef) Get(ctx context.Context, key []byte) (backend.Cell, error) {
	return r.keyed(ctx, opGet, key)
}

func (r tableRef) Delete(ctx context.Context, key []byte) (backend.Cell, error) {
	return r.keyed(ctx, opRemove, key)
}

func (r tableRef) keyed(ctx context.Context, op byte, key []byte) (cell backend.Cell, err error) {
	x := r.now(op, ctx)
	x.out = putBytes(x.out, key)
	body, err := x.get(ctx)
	if err != nil {
		return cell, err
	}
	d := decoder{b: body}
	cell = d.cell()
	return cell, d.end()
}

func (r tableRef) Put(ctx context.Context, key, value []byte, cond backend.If) (cell backend.Cell, ok bool, err error) {
	if err := r.fits(len(key) + len(value)); err != nil {
		return cell, false, err
	}
	x := r.now(opPut, ctx)
	x.out = putUint(putBool(x.out, cond.Checked), cond.Rev)
	x.out = putInt(x.out, int64(cond.TTL))
	x.out = putBytes(putBytes(x.out, key), value)
	body, err := x.get(ctx)
	if err != nil {
		return cell, false, err
	}
	d := decoder{b: body}
	if ok = d.bool(); ok {
		cell = backend.Cell{Rev: d.uint(), Value: value}
	} else {
		cell = d.cell()
	}
	return cell, ok, d.end()
}

// fits returns an error for a value that does not fit into a frame.
func (r *ref) fits(size int) error {
	if size > MaxValue {
		return backend.Errorf(backend.ErrTooLarge, "%s: %d bytes, want at most %d", r.spec, size, MaxValue)
	}
	return nil
}

func (r tableRef) PutAll(ctx context.Context, pairs []backend.Pair) error {
	size := 0
	for _, p := range pairs {
		size += len(p.Key) + len(p.Value)
	}
	if err := r.fits(size); err != nil {
		return err
	}
	x := r.now(opPutAll, ctx)
	x.out = putUint(x.out, uint64(len(pairs)))
	for _, p := range pairs {
		x.out = putBytes(putBytes(x.out, p.Key), p.Value)
	}
	return x.ask(ctx)
}

func (r tableRef) Clear(ctx context.Context) error { return r.now(opEmpty, ctx).ask(ctx) }

func (r tableRef) Len(ctx context.Context) (int, error) {
	body, err := r.now(opCount, ctx).get(ctx)
	if err != nil {
		return 0, err
	}
	d := decoder{b: body}
	n := d.int()
	return n, d.end()
}

func (r tableRef) All(ctx context.Context) iter.Seq2[backend.Pair, error] {
	return records(ctx, func() *call { return r.now(opPairs, ctx) }, (*decoder).pair)
}

func (r tableRef) Watch(ctx context.Context) iter.Seq2[backend.Change, error] {
	return records(ctx, func() *call { return r.now(opChanges, ctx) }, (*decoder).change)
}

type counterRef struct{ *ref }

func (c *Client) Counter(spec backend.Spec) backend.Counter { return counterRef{c.ref(spec)} }

func (r counterRef) Add(ctx context.Context, n int64) (int64, error) {
	x := r.now(opAdd, ctx)
	x.out = putInt(x.out, n)
	body, err := x.get(ctx)
	if err != nil {
		return 0, err
	}
	d := decoder{b: body}
	sum := d.int64()
	return sum, d.end()
}

func (r counterRef) Set(ctx context.Context, n int64) error {
	x := r.now(opSetCount, ctx)
	x.out = putInt(x.out, n)
	return x.ask(ctx)
}

type listRef struct{ *ref }

func (c *Client) List(spec backend.Spec) backend.List { return listRef{c.ref(spec)} }

func (r listRef) Get(ctx context.Context, i int) ([]byte, error) {
	x := r.now(opListGet, ctx)
	x.out = putInt(x.out, int64(i))
	return x.get(ctx)
}

func (r listRef) Pop(ctx context.Context, i int) ([]byte, error) {
	x := r.now(opListPop, ctx)
	x.out = putInt(x.out, int64(i))
	return x.get(ctx)
}

func (r listRef) Set(ctx context.Context, i int, value []byte) error {
	return r.at(ctx, opListSet, i, value)
}

func (r listRef) Insert(ctx context.Context, i int, value []byte) error {
	return r.at(ctx, opListInsert, i, value)
}

func (r listRef) at(ctx context.Context, op byte, i int, value []byte) error {
	if err := r.fits(len(value)); err != nil {
		return err
	}
	x := r.now(op, ctx)
	x.out = putBytes(putInt(x.out, int64(i)), value)
	return x.ask(ctx)
}

func (r listRef) Append(ctx context.Context, values [][]byte) error {
	return r.many(ctx, opListAppend, 0, values)
}

func (r listRef) Replace(ctx context.Context, rev uint64, values [][]byte) error {
	return r.many(ctx, opListReplace, rev, values)
}

func (r listRef) many(ctx context.Context, op byte, rev uint64, values [][]byte) error {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	if err := r.fits(size); err != nil {
		return err
	}
	x := r.now(op, ctx)
	x.out = putUint(putUint(x.out, rev), uint64(len(values)))
	for _, v := range values {
		x.out = putBytes(x.out, v)
	}
	return x.ask(ctx)
}

func (r listRef) Len(ctx context.Context) (int, error) {
	body, err := r.now(opListLen, ctx).get(ctx)
	if err != nil {
		return 0, err
	}
	d := decoder{b: body}
	n := d.int()
	return n, d.end()
}

// Load's first record is the revision.
func (r listRef) Load(ctx context.Context) (values [][]byte, rev uint64, err error) {
	first := true
	for record, err := range records(ctx, func() *call { return r.now(opListLoad, ctx) }, (*decoder).rest) {
		switch {
		case err != nil:
			return nil, 0, err
		case first:
			d := decoder{b: record}
			rev = d.uint()
			first = false
		default:
			values = append(values, record)
		}
	}
	return values, rev, nil
}

type objectRef struct{ *ref }

func (c *Client) Object(spec backend.Spec) backend.Object { return objectRef{c.ref(spec)} }

func (r objectRef) Call(ctx context.Context, method string, in []byte) (out []byte, fault *backend.Fault, err error) {
	if err := r.fits(len(in)); err != nil {
		return nil, nil, err
	}
	x := r.now(opCall, ctx)
	x.out = putBytes(putString(x.out, method), in)
	body, err := x.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	d := decoder{b: body}
	if failed := d.bool(); !failed {
		return d.rest(), nil, nil
	}
	fault = d.fault()
	return nil, fault, d.end()
}

type queueRef struct{ *ref }

func (c *Client) Queue(spec backend.Spec) backend.Queue { return queueRef{c.ref(spec)} }

func (r queueRef) Put(w backend.Wait, item backend.Item) error {
	if err := r.fits(len(item.Payload) + len(item.Key)); err != nil {
		return err
	}
	x := r.call(opEnqueue, w)
	x.out = putItem(x.out, item)
	_, err := x.do()
	return err
}

func (r queueRef) Get(w backend.Wait) ([]byte, error) { return r.call(opDequeue, w).do() }

func (r queueRef) Claim(w backend.Wait) (c backend.Claim, err error) {
	body, err := r.call(opClaim, w).do()
	if err != nil {
		return c, err
	}
	d := decoder{b: body}
	c = d.claim(r.c)
	return c, d.end()
}

func putClaim(b []byte, c backend.Claim, grant func([]byte, backend.Holding) []byte) []byte {
	b = grant(b, c.Holding)
	b = putUint(putUint(b, c.Dead), uint64(c.Attempt))
	return putBytes(b, c.Payload)
}

func (d *decoder) claim(c *Client) backend.Claim {
	return backend.Claim{Holding: d.grant(c), Dead: d.uint(), Attempt: int(d.uint()), Payload: d.bytes()}
}

func (r queueRef) Settle(ctx context.Context, c backend.Claim, how backend.Settlement, after time.Duration) error {
	if c.Holding == nil {
		return r.settle(opSettleDead, ctx, c.Dead, how, after).ask(ctx)
	}
	if backend.Ended(ctx) && !r.c.Closed() {
		return backend.Cause(ctx)
	}
	r.c.leave(c.Holding.(*holding))
	_, err := r.settle(opSettle, ctx, c.Holding.Token(), how, after).do()
	return err
}

func (r queueRef) settle(op byte, ctx context.Context, token uint64, how backend.Settlement, after time.Duration) *call {
	x := r.now(op, ctx)
	x.out = putInt(append(putUint(x.out, token), byte(how)), int64(after))
	return x
}

func (r queueRef) Peek(ctx context.Context) (payload []byte, ok bool, err error) {
	body, err := r.now(opPeek, ctx).get(ctx)
	if err != nil {
		return nil, false, err
	}
	d := decoder{b: body}
	ok = d.bool()
	return d.rest(), ok, nil
}

func (r queueRef) Drain(ctx context.Context) (claims []backend.Claim, err error) {
	decode := func(d *decoder) backend.Claim { return d.claim(r.c) }
	for c, err := range records(ctx, func() *call { return r.now(opDrain, ctx) }, decode) {
		if err != nil {
			return nil, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

func (r queueRef) State(ctx context.Context) (s backend.QueueState, err error) {
	body, err := r.now(opQueueState, ctx).get(ctx)
	if err != nil {
		return s, err
	}
	d := decoder{b: body}
	s = backend.QueueState{Len: d.int(), Cap: d.int(), Unfinished: d.int(), Shut: d.bool()}
	return s, d.end()
}

func (r queueRef) Shutdown(ctx context.Context, now bool) error {
	x := r.now(opShutdown, ctx)
	x.out = putBool(x.out, now)
	return x.ask(ctx)
}

func (r queueRef) Resize(ctx context.Context, maxsize int) error {
	x := r.now(opResizeQueue, ctx)
	x.out = putInt(x.out, int64(maxsize))
	return x.ask(ctx)
}

func (r queueRef) Join(w backend.Wait) error {
	_, err := r.call(opJoin, w).do()
	return err
}

func (r queueRef) Dead(ctx context.Context) iter.Seq2[backend.Claim, error] {
	decode := func(d *decoder) backend.Claim { return d.claim(r.c) }
	return records(ctx, func() *call { return r.now(opDead, ctx) }, decode)
}
