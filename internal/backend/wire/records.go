package wire

import (
	"context"
	"iter"

	"github.com/gothreading/threading/internal/backend"
)

// What yields much comes in batches: the first is the answer to the request, which opens a cursor in the server, each
// other one to an opNext. A batch is
//
//	u8 more, then records, each with its length
//
// Without more, the cursor is closed. If the sequence ends in an error, that is the answer in place of a batch. Whoever
// stops early says opClose, which has no answer.

// records makes a sequence of what the cursor of a call yields.
func records[T any](ctx context.Context, open func() *call, decode func(*decoder) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		x := open()
		c := x.c
		id, body, err := x.cursor(ctx)
		for {
			if err != nil {
				var none T
				if id != 0 {
					c.closeCursor(id)
				}
				yield(none, err)
				return
			}
			d := decoder{b: body}
			more := d.bool()
			for len(d.b) > 0 && err == nil {
				one := decoder{b: d.bytes()}
				record := decode(&one)
				if d.bad || one.end() != nil {
					err = protocolError{"the server sent a record that makes no sense"}
					break
				}
				if backend.Ended(ctx) {
					err = backend.Cause(ctx)
					break
				}
				if !yield(record, nil) {
					if more {
						c.closeCursor(id)
					}
					return
				}
			}
			if err != nil {
				continue
			}
			if !more {
				return
			}
			x := c.newCall(opNext, nil, backend.Wait{Ctx: ctx})
			x.out = putUint(x.out, uint64(id))
			body, err = x.get(ctx)
		}
	}
}

// cursor makes the call that opens a cursor, whose id is the call's.
func (x *call) cursor(ctx context.Context) (id uint32, body []byte, err error) {
	if backend.Ended(ctx) {
		_, err := x.get(ctx)
		return 0, nil, err
	}
	if err := x.send(); err != nil {
		x.free()
		return 0, nil, err
	}
	id = x.id
	disarm := x.arm()
	x.await()
	disarm()
	if body, err = x.result(); err == backend.ErrGaveUp {
		err = backend.Cause(ctx)
	}
	return id, body, err
}

// closeCursor tells the server that nothing more is wanted.
func (c *Client) closeCursor(id uint32) {
	x := c.newCall(opClose, nil, backend.Wait{})
	x.out = putUint(x.out, uint64(id))
	putID(x.out, id)
	c.out.frame(x.out, nil, false, nil)
	x.free()
}
