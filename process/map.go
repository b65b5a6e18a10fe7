package process

import (
	"context"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// Map is like pool.Map but sends many items with one message. It calls f for
// each item in a child of p, waits for all, and returns the values in the order
// of the items, and a *pool.MapError with the errors, by index. An item whose
// child ends while it runs fails with an [*ExitError]; other items are not
// affected.
//
// How many items go with one message depends on how long they take and how
// large they are. A worker that has nothing to do takes over items that another
// one has not sent yet, so a slow item holds up only those that went with the
// same message. The options are those of pool.Map.
func Map[In, Out any](p *Pool, f *Func[In, Out], items []In, opts ...pool.MapOption) ([]Out, error) {
	single := f.On(p)
	run := new(byte) // tells this Map from others
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
			if d.pace.of != run {
				d.pace = pace{of: run, most: 1}
			}
			b, err := fill(f, part.Keep(d.pace.atMost(p.team.choices.tasks-d.tasks)-1).([]In))
			part.Keep(max(len(b.ends)-1, 0))
			if err != nil {
				return out, err
			}
			a.failure = d.run(ctx, b)
			a.records, a.failed = b.records, len(b.records) < len(b.ends)
			d.pace.adapt(len(a.records)+1, b.busy)
		}
		record, err := a.next()
		if err != nil {
			return out, err
		}
		return f.out.decode(record, nil)
	}
	return pool.Map(p.Pool, fn, items, opts...)
}

// messageSize is about how many bytes of arguments go with one message.
const messageSize = 48 << 10

// fill makes a batch of the first of the items, as many as fit into a message.
// One that cannot be encoded ends it; if it is the first it is an error, or
// panics.
func fill[In, Out any](f *Func[In, Out], items []In) (b *batch, err error) {
	b = &batch{id: f.id, luggage: new(luggage)}
	if f.in.form == asMemory {
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
		encode := func() { data, err = f.in.encode(&items[i], b.luggage) }
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

// An ahead is what a child has done of a part of a Map before the pool has asked
// for it, which asks for one item after the other.
type ahead struct {
	records [][]byte
	failure error // of the one behind the records
	failed  bool
}

func (a *ahead) empty() bool { return len(a.records) == 0 && !a.failed }

// next returns the result of the next item, or how it has failed.
func (a *ahead) next() (record []byte, err error) {
	if len(a.records) > 0 {
		record = a.records[0]
		a.records = a.records[1:]
		return record, nil
	}
	a.failed = false
	return nil, a.failure
}

// A pace is how many items of a Map go with the next message to a child: one at
// first, and then as many as the child does in brief, by the time that it has
// spent on the last ones. How long they were under way says nothing about them.
type pace struct {
	of   *byte // which Map
	most int
}

// brief is how long a child may take for a message, about: no news of a Map is
// much older.
const brief = 5 * time.Millisecond

// atMost returns how many items go. tasks, if it is above 0, is how many the
// child still has to run.
func (p *pace) atMost(tasks int) int {
	if tasks > 0 {
		return min(p.most, tasks)
	}
	return p.most
}

func (p *pace) adapt(items int, busy time.Duration) {
	each := max(busy/time.Duration(items), 1)
	p.most = max(min(int(brief/each), 8*p.most, 1<<20), 1)
}
