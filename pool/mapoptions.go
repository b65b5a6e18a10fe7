package pool

// A MapOption is a choice made for one Map, MapAsync, ForEach, IMap or
// IMapUnordered.
type MapOption struct{ apply func(*mapChoices) }

type mapChoices struct {
	chunk, buffer int // 0: the default
	failFast      bool
	progress      func(done, total int)
	least         func() int // see crew.Least
}

func choose(opts []MapOption) (c mapChoices) {
	for _, opt := range opts {
		if opt.apply != nil {
			opt.apply(&c)
		}
	}
	return c
}

// ChunkSize makes workers take n items at a time, each chunk in order. Without
// it, workers of a Map take what is left in parts that become smaller, and an
// idle worker takes over half of what another one has not begun; those of an
// IMap take one item at a time. ChunkSize panics with ErrValue if n < 1.
func ChunkSize(n int) MapOption {
	atLeast(1, n, "ChunkSize")
	return MapOption{func(c *mapChoices) { c.chunk = n }}
}

// Buffer limits how many inputs an IMap has taken and not yet yielded. The
// default is two chunks for each worker: 2 × workers inputs, unless ChunkSize is
// given. Map ignores it. Buffer panics with ErrValue if n < 1.
func Buffer(n int) MapOption {
	atLeast(1, n, "Buffer")
	return MapOption{func(c *mapChoices) { c.buffer = n }}
}

// FailFast ends the Map or IMap with the first error. Items that were not
// started never are, and the contexts of those that are running end with the
// *ItemError as the cause. When they have returned, Map returns the error that
// arrived first, as the only one of a *MapError.
func FailFast() MapOption { return MapOption{func(c *mapChoices) { c.failFast = true }} }

// Progress makes a worker call f as items finish, whether or not they fail.
// Calls never overlap; done grows from each call to the next, not always by one;
// total is the number of items, and -1 for IMap. The last call comes before Map
// returns. A panic in f is reported to the except hook of package thread.
func Progress(f func(done, total int)) MapOption {
	needed(f != nil, "func", "Progress")
	return MapOption{func(c *mapChoices) { c.progress = f }}
}
