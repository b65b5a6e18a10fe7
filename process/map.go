package process

import (
	"context"

	"github.com/gothreading/threading/internal/crew"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// Map is like pool.Map but sends many items with one message. It calls f for
// each item in a child of p, waits for all, and returns the values in the order
// of the items, and a *pool.MapError with the errors, by index. An item whose
// child ends while it runs fails with an [*ExitError]; other items are not
// affected.
//
// How many items go with one message depends on how long the last ones of f
// have taken and how large they are. A worker that has nothing to do takes over
// items that another one has not sent yet, so a slow item holds up only those
// that went with the same message: one, the first time that a worker calls f,
// and afterwards what takes some milliseconds. The options are those of
// pool.Map.
func Map[In, Out any](p *Pool, f *Func[In, Out], items []In, opts ...pool.MapOption) ([]Out, error) {
	single := f.On(p)
	pace := p.team.paceOf(f.id)
	fn := func(ctx context.Context, in In) (out Out, err error) {
		_, part := p.team.crew.Current()
		if part == nil || f.in.handles { // the descriptors of many items would not fit into a message
			return single(ctx, in)
		}
		notes := part.Notes()
		a, _ := (*notes).(*ahead)
		if a == nil {
			a = new(ahead)
			*notes = a
		}
		if a.empty() {
			d := p.team.driver()
			kept, room := part.Keep(d.mayRun(pace.most()) - 1)
			b, err := fill(f, d, kept.([]In))
			part.Keep(max(b.count-1, 0))
			if err != nil {
				return out, err
			}
			failure := d.run(ctx, b)
			pace.adapt(b.have+1, b.busy)
			d.reuse(b)
			if values := room.([]Out); f.out.form == asMemory && holds(b, values) {
				return lay(part, b, values, failure)
			}
			a.results, a.failure, a.failed = b.results, failure, b.have < b.count
		}
		result, err := a.next()
		if err != nil {
			return out, err
		}
		return f.out.decode(result, nil)
	}
	least := crew.Least(pace.least).(pool.MapOption)
	return pool.Map(p.Pool, fn, items, append(opts[:len(opts):len(opts)], least)...)
}

// messageSize is about how many bytes of arguments go with one message.
const messageSize = 48 << 10

// fill makes a batch of the first of the items, as many as fit into a message.
// One that cannot be encoded ends it; if it is the first it is an error, or
// panics.
func fill[In, Out any](f *Func[In, Out], d *driver, items []In) (b *batch, err error) {
	b = &batch{id: f.id}
	if f.in.form == asMemory {
		b.items = d.used()
		for i := range items {
			item := memory(&items[i])
			if i > 0 && len(b.items)+len(item) > messageSize {
				break
			}
			b.add(item)
		}
		return b, nil
	}
	for i := range items {
		var data []byte
		encode := func() { data, err = f.in.encode(nil, items[i], nil) }
		if i == 0 {
			if encode(); err != nil {
				return b, err
			}
		} else if thread.Try(encode) != nil || err != nil || len(b.items)+len(data) > messageSize {
			return b, nil
		}
		b.add(data)
	}
	return b, nil
}

// lay copies results to where they go, and moves on to the last of them or, if
// the next item has failed, to that one. It returns what the call for that item
// returns.
func lay[Out any](part crew.Part, b *batch, values []Out, failure error) (out Out, err error) {
	results := b.results
	for i := range b.have {
		var result []byte
		result, results = cut(results)
		copy(memory(&values[i]), result)
	}
	if b.have < b.count {
		part.Skip(b.have)
		return out, failure
	}
	part.Skip(b.have - 1)
	return values[b.have-1], nil
}

// An ahead is what a child has done of a part of a Map before the pool has asked
// for it, which asks for one item after the other.
type ahead struct {
	results []byte
	failure error // of the one behind the results
	failed  bool
}

func (a *ahead) empty() bool { return len(a.results) == 0 && !a.failed }

// next returns the result of the next item, or how it has failed.
func (a *ahead) next() (result []byte, err error) {
	if len(a.results) > 0 {
		result, a.results = cut(a.results)
		return result, nil
	}
	a.failed = false
	return nil, a.failure
}
