package pool

import "github.com/gothreading/threading/internal/crew"

func init() { crew.Of = func(p any) crew.Pool { return crewOf{p.(*Pool).core} } }

// A crewOf shows the core of a pool to package process.
type crewOf struct{ core *core }

func (o crewOf) Current() (worker, unit, rest any) {
	w, _ := here.Lookup()
	if w == nil || w.core != o.core || w.unit == nil {
		return nil, nil, nil
	}
	if c, ok := w.unit.(interface{ rest() any }); ok {
		rest = c.rest()
	}
	return w, w.unit, rest
}

func (o crewOf) OnLeave(f func(worker any)) { o.core.onLeave = f }

func (o crewOf) End(err error) { o.core.terminate(err) }

// rest returns the items that were left when the chunk was begun, or begun
// again.
func (ch *chunk[In, Out]) rest() any { return ch.batch.in[ch.batch.at:] }
