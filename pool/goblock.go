package pool

import "context"

// A goBlock is an entry for many functions that were given to Go, one after the
// other. As nobody holds a Result of theirs, and they are called with the
// context of the pool, a function is all there is to each: nothing is allocated
// for it, and a long backlog is no burden for the garbage collector.
type goBlock struct {
	entry
	core *core
	from int
	fns  []func(context.Context) error // those from from on are left
}

const (
	blockSize   = 128
	spareBlocks = 8 // that are kept for the next functions
)

// acceptGo queues fn: in the block that was queued last, if a block was.
func (c *core) acceptGo(fn func(context.Context) error, priority int) {
	l := c.levels.of(priority)
	var b *goBlock
	if e := l.newest(c.lifo); e != nil {
		b, _ = e.job.(*goBlock)
	}
	if b == nil || len(b.fns) == blockSize {
		b = c.block()
		c.levels.push(l, &b.entry, c.lifo)
	}
	b.fns = append(b.fns, fn)
	b.units++
	c.places++
	c.units++
	c.queued++
	c.submitted++
}

func (c *core) block() *goBlock {
	if last := len(c.spares) - 1; last >= 0 {
		b := c.spares[last]
		c.spares = c.spares[:last]
		return b
	}
	b := &goBlock{core: c}
	b.job, b.kind = b, block
	return b
}

func (b *goBlock) start(w *worker) unit {
	c := b.core
	i := b.from
	if c.lifo {
		i = len(b.fns) - 1
	}
	w.plain.fn = b.fns[i]
	b.fns[i] = nil
	if c.lifo {
		b.fns = b.fns[:i]
	} else {
		b.from++
	}
	b.units--
	c.places--
	c.units--
	c.queued--
	if b.from == len(b.fns) {
		c.remove(&b.entry)
		b.from, b.fns = 0, b.fns[:0]
		if len(c.spares) < spareBlocks {
			c.spares = append(c.spares, b)
		}
	}
	return &w.plain
}

func (b *goBlock) drop(error, *drops) { b.fns = nil }

func (b *goBlock) interrupt(error) (*taskContext, bool) { return nil, false }

// A goUnit is one function of a goBlock, in the hands of a worker.
type goUnit struct {
	entry // never queued: it stands for the unit where that is asked whose it is
	core  *core
	goCall
}

func (u *goUnit) owner() *entry { return &u.entry }

func (u *goUnit) run() { u.goCall.run(&u.core.root, &u.core.root) }

func (u *goUnit) settle(*worker) outcome { return u.outcome }
