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
	fn := func(ctx context.Context, in In) (out Out, err error) {
		d := p.team.driver()
		if d == nil || f.in.handles { // the descriptors of many items would not fit into a message
			return single(ctx, in)
		}
		_, part := p.team.crew.Current()
		if part == nil {
			return single(ctx, in)
		}
		notes := part.Notes()
		a, _ := (*notes).(*ahead)
		if a == nil {
			a = &ahead{most: 1}
			*notes = a
		}
		record, err := a.next(func(most int) (b *batch, err error) {
			b, err = fill(f, part.Keep(most-1).([]In))
			part.Keep(max(len(b.ends)-1, 0))
			return b, err
		}, func(b *batch) error { return d.run(ctx, b) }, p.team.choices.tasks-d.tasks)
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
	most    int // how many items are sent next
	records [][]byte
	failure error // of the one behind the records
	failed  bool
}

// brief is how long a batch may take, about: no news of a Map is much older.
const brief = 5 * time.Millisecond

// next returns the result of the next item. tasks, if it is above 0, is how
// many the child still has to run.
func (a *ahead) next(fill func(most int) (*batch, error), run func(*batch) error, tasks int) (record []byte, err error) {
	if len(a.records) == 0 && !a.failed {
		most := a.most
		if tasks > 0 {
			most = min(most, tasks)
		}
		b, err := fill(most)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		a.failure = run(b)
		a.records, a.failed = b.records, len(b.records) < len(b.ends)
		if time.Since(start) < brief {
			a.most = min(4*a.most, 1<<20)
		} else {
			a.most = max(a.most/2, 1)
		}
	}
	if len(a.records) > 0 {
		record = a.records[0]
		a.records = a.records[1:]
		return record, nil
	}
	a.failed = false
	return nil, a.failure
}
