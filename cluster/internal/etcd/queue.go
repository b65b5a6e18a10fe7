package etcd

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// A queueRef is a queue. An item is where its key is:
//
//	a/LEVEL/STAMP…   inside, in the order of the keys
//	b/LEVEL/STAMP…   back from a claim: goes first
//	c/SESSION/…      out on claim
//	h/DUE/…          back from a claim, and held back until then
//	x/…              dead
//
// and each step of its life is one Txn that compares the revision of that key. What changes seldom, and is watched:
//
//	q/s              "shut" or "now"
//	q/t              the bell of those who wait for an item: written whenever one is there that was not
//	q/o              the bell of those who wait for room, or for the end
//	q/f/LEVEL        a floor: nothing is, or will be, inside that level before that stamp
//	q/d              how often an item is delivered, if somebody has said so
//	u/KEY            the keys that are known
//
// STAMP is the revision of a read that was made after the put had begun, so an item never stands before one whose put had
// ended by then. etcd keeps what was deleted until it is compacted, and walks over it, and counts a whole range whatever
// its limit: so nobody reads from the beginning of a/, but from the floor, and not to the end, but a window. Whoever finds
// a level empty before its first item raises the floor; a put that comes late, with a stamp before it, takes a new one.
type queueRef struct {
	*ref
	*queueObject
}

// A queueObject is what all handles of one queue share in a process.
type queueObject struct {
	guard   sync.Mutex
	getters []*getter // in order of arrival
	getting bool
	putters []*putter
	putting bool
	window  map[string]uint64 // stamps that a look covers, by level
	raised  map[string]uint64 // stamp up to which the floor was last asked to be raised
	told    int               // deliveries that were last said
	moves   atomic.Uint64     // how often somebody came to a list, or left it
	bells   *mirror           // of q/, while somebody is served
	limited atomic.Bool       // it has a bound, or had one
	settles batcher[*settling]
}

// Queue returns a queue.
func (b *Backend) Queue(spec backend.Spec) backend.Queue {
	r := b.ref(spec)
	q := share(r, func() *queueObject {
		return &queueObject{window: make(map[string]uint64), raised: make(map[string]uint64)}
	})
	if spec.N > 0 {
		q.limited.Store(true)
	}
	return &queueRef{r, q}
}

// moved notes, under the guard, that somebody came to a list or left it.
func (q *queueObject) moved() {
	q.moves.Add(1)
	if q.bells != nil {
		q.bells.poke()
	}
}

// served begins the serving of a list.
func (r *queueRef) served() (m *mirror) {
	m = r.b.mirror(r.prefix + "q/")
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	r.bells = m
	return m
}

// sleep waits for a bell that rings after v, or until somebody comes to a list or leaves it, after moves.
func (r *queueRef) sleep(ctx context.Context, m *mirror, s *session, v *view, moves uint64, bell string) error {
	return m.await(ctx, s, 0, func(state map[string]*mvccpb.KeyValue) bool {
		for _, part := range [...]string{bell, "s"} {
			kv := state[r.prefix+"q/"+part]
			if kv != nil && kv.ModRevision > v.rev || kv == nil && v.small[part] != nil {
				return true
			}
		}
		return r.moves.Load() != moves // without the guard, which is locked before the mirror's where it moves
	})
}

const (
	takenAtOnce       = 30
	putAtOnce         = 50
	putBytes          = 700 << 10
	settledAtOnce     = 30
	firstWindow       = 1 << 10
	dense             = 256 // keys that a window may have and stay as it is
	mostLevels        = 50  // that a look asks for one by one
	defaultDeliveries = 20
)

// An entry is an item where it is.
type entry struct {
	id      string // LEVEL/STAMP…, which it keeps
	key     string
	mod     int64
	attempt int
	payload []byte
}

// The value of an item is its attempt, the time, and the payload.
func itemValue(attempt int, payload []byte) string {
	return stamp(append(strconv.AppendInt(nil, int64(attempt), 10), append([]byte(" "), payload...)...))
}

func (r *queueRef) entry(kv *mvccpb.KeyValue) entry {
	e := entry{key: string(kv.Key), mod: kv.ModRevision}
	e.id = idOf(e.key[len(r.prefix):])
	e.attempt, e.payload = itemOf(kv)
	return e
}

func itemOf(kv *mvccpb.KeyValue) (attempt int, payload []byte) {
	_, rest := unstamp(kv.Value)
	n, payload, _ := bytes.Cut(rest, []byte(" "))
	attempt, _ = strconv.Atoi(string(n))
	return attempt, payload
}

// idOf is the id in the part of a key that follows the object's prefix: its last two steps.
func idOf(part string) string {
	steps := strings.Split(part, "/")
	return strings.Join(steps[len(steps)-2:], "/")
}

// claimant says whose claim a key is: c/SESSION/LEVEL/STAMP….
func claimant(kv *mvccpb.KeyValue) (session string, since time.Time) {
	since, _ = unstamp(kv.Value)
	steps := strings.Split(string(kv.Key), "/")
	return steps[len(steps)-3], since
}

func levelKey(l int8) string { return fmt.Sprintf("%02x", int(l)+128) }

// stampKey is the stamp in a key: of a LIFO queue it falls.
func (r *queueRef) stampKey(stamp uint64) string {
	if r.spec.Order == backend.LIFO {
		stamp = ^stamp
	}
	return fmt.Sprintf("%016x", stamp)
}

func (r *queueRef) id(level int8, stamp uint64, n int, session string) string {
	if r.spec.Order == backend.LIFO {
		n = 0xffff - n
	}
	return levelKey(level) + "/" + r.stampKey(stamp) + fmt.Sprintf("%04x-", n) + session
}

func stampOf(id string) uint64 {
	_, s, _ := strings.Cut(id, "/")
	n, _ := strconv.ParseUint(s[:min(len(s), 16)], 16, 64)
	return n
}

// A view is what a look saw.
type view struct {
	rev    int64
	small  map[string]*mvccpb.KeyValue // q/, by what follows
	state  string
	floors map[string]uint64 // by level
	items  []entry           // the next ones, in order
	due    time.Time         // of the first that is held back; zero: none is
	held   *mvccpb.KeyValue
}

func (v *view) mod(part string) int64 {
	if kv := v.small[part]; kv != nil {
		return kv.ModRevision
	}
	return 0
}

func (v *view) read(prefix string, kvs []*mvccpb.KeyValue) {
	v.small, v.floors, v.state = make(map[string]*mvccpb.KeyValue), make(map[string]uint64), ""
	for _, kv := range kvs {
		part := strings.TrimPrefix(string(kv.Key), prefix)
		v.small[part] = kv
		switch {
		case part == "s":
			v.state = string(kv.Value)
		case strings.HasPrefix(part, "f/"):
			v.floors[part[2:]], _ = strconv.ParseUint(string(kv.Value), 16, 64)
		}
	}
}

func (v *view) deliveries() int {
	if n := number(v.small["d"]); n > 0 {
		return n
	}
	return defaultDeliveries
}

// look reads the next n items, in one step with everything else that decides about them. What is there is what it finds:
// it looks again, further, before it says that nothing is.
func (r *queueRef) look(ctx context.Context, n int) (*view, error) {
	levels := []string{}
	reach := map[string]uint64{} // up to which stamp a look covers a level
	for whole := r.spec.Order == backend.LIFO; ; {
		ops := []clientv3.Op{
			clientv3.OpGet(r.prefix+"q/", clientv3.WithPrefix()),
			clientv3.OpGet(r.prefix+"b/", clientv3.WithPrefix(), clientv3.WithLimit(int64(n))),
			clientv3.OpGet(r.prefix+"h/", clientv3.WithPrefix(), clientv3.WithLimit(1)),
		}
		if whole {
			ops = append(ops, clientv3.OpGet(r.prefix+"a/", clientv3.WithPrefix(), clientv3.WithLimit(int64(n))))
		}
		r.queueObject.guard.Lock()
		if !whole {
			levels = levels[:0]
			for l := range r.raised {
				levels = append(levels, l)
			}
			slices.Sort(levels)
			for _, l := range levels {
				from := r.raised[l]
				to := from + r.span(l)
				reach[l] = to
				ops = append(ops, clientv3.OpGet(r.prefix+"a/"+l+"/"+fmt.Sprintf("%016x", from),
					clientv3.WithRange(r.prefix+"a/"+l+"/"+fmt.Sprintf("%016x", to)), clientv3.WithLimit(int64(n))))
			}
		}
		r.queueObject.guard.Unlock()
		reads, rev, err := r.read(ctx, ops...)
		if err != nil {
			return nil, err
		}
		v := &view{rev: rev}
		v.read(r.prefix+"q/", kvsOf(reads[0]))
		for _, kv := range kvsOf(reads[1]) {
			v.items = append(v.items, r.entry(kv))
		}
		if kv := first(reads[2]); kv != nil {
			v.held = kv
			ms, _ := strconv.ParseInt(strings.Split(string(kv.Key[len(r.prefix):]), "/")[1], 16, 64)
			v.due = time.UnixMilli(ms)
		}
		for i, found := range reads[3:] {
			count := found.GetResponseRange().Count
			r.b.walked.Add(count)
			if !whole && count > int64(4*n+dense) {
				r.narrow(levels[i], uint64(rev), float64(4*n+dense)/float64(count))
			}
			for _, kv := range kvsOf(found) {
				v.items = append(v.items, r.entry(kv))
			}
		}
		enough := len(v.items) >= n
		if len(v.items) > n {
			v.items = v.items[:n]
		}
		all, known := r.learn(v, reach, enough)
		if enough || all || whole {
			return v, nil
		}
		whole = !known
	}
}

// span is how many stamps of a level a look covers.
func (r *queueRef) span(level string) uint64 {
	if w := r.window[level]; w > 0 {
		return w
	}
	return firstWindow
}

// narrow makes the window of a level smaller where there are many keys in it, all of which etcd counts: to that part of it
// which may have few enough.
func (r *queueRef) narrow(level string, rev uint64, part float64) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	if from := r.raised[level]; from < rev {
		r.window[level] = uint64(max(float64(min(r.span(level), rev-from))*part, 1))
	}
}

// learn takes from a look where to look next, further if it has not found enough. It reports whether the look has seen all
// that there is, and whether a look knows where to begin in each level.
func (r *queueRef) learn(v *view, reach map[string]uint64, enough bool) (all, known bool) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	if r.spec.Order == backend.LIFO || len(v.floors) > mostLevels {
		return false, false
	}
	all = true
	for l, floor := range v.floors {
		from, there := r.raised[l]
		if !there || from < floor {
			r.raised[l] = floor
		}
		if reach[l] <= uint64(v.rev) { // it did not reach to the newest stamp
			all = false
			if there && !enough {
				r.window[l] = min(4*r.span(l), 1<<40)
			}
		}
	}
	return all, true
}

// Walked returns how many keys of queues were walked over by looks, so far.
func (b *Backend) Walked() int64 { return b.walked.Load() }

// raise moves floors up to the first item, or to the revision of a look that found nothing, if that is worth it.
func (r *queueRef) raise(v *view, whole bool) {
	if r.spec.Order == backend.LIFO {
		return
	}
	firsts := map[string]uint64{}
	for _, e := range v.items {
		if l, _, _ := strings.Cut(e.id, "/"); strings.HasPrefix(e.key[len(r.prefix):], "a/") && firsts[l] == 0 {
			firsts[l] = stampOf(e.id)
		}
	}
	for l, floor := range v.floors {
		to, found := firsts[l]
		if !found {
			if !whole {
				continue // items of smaller levels came first, and nobody knows
			}
			to = uint64(v.rev)
		}
		if to < floor+firstWindow/4 {
			continue
		}
		key, prefix := r.prefix+"q/f/"+l, r.prefix+"a/"+l+"/"
		value := fmt.Sprintf("%016x", to)
		// Late or twice, it finds another floor and does nothing.
		resp, err := r.b.commit([]clientv3.Cmp{
			clientv3.Compare(clientv3.ModRevision(key), "=", v.mod("f/"+l)),
			clientv3.Compare(clientv3.CreateRevision(prefix+fmt.Sprintf("%016x", floor)), "=", 0).WithRange(prefix + value),
		}, []clientv3.Op{clientv3.OpPut(key, value)}, nil)
		if err == nil && resp.Succeeded {
			r.queueObject.guard.Lock()
			r.raised[l] = max(r.raised[l], to)
			r.queueObject.guard.Unlock()
		}
	}
}

// bell are the ops that wake those who wait for an item.
func (r *queueRef) bell() clientv3.Op { return clientv3.OpPut(r.prefix+"q/t", "") }

// chime wakes those who wait for room, or for the end.
func (r *queueRef) chime() clientv3.Op { return clientv3.OpPut(r.prefix+"q/o", "") }

// tell stores how often an item is delivered, if this handle says so and it is news.
func (r *queueRef) tell() error {
	n := r.spec.MaxDeliveries
	r.queueObject.guard.Lock()
	news := n > 0 && r.told != n
	r.queueObject.guard.Unlock()
	if !news {
		return nil
	}
	_, err := retried(r.b, r.b.life, func(ctx context.Context) (*clientv3.PutResponse, error) {
		return r.b.client.Put(ctx, r.prefix+"q/d", strconv.Itoa(n)) // late or twice does no harm
	})
	if err == nil {
		r.queueObject.guard.Lock()
		r.told = n
		r.queueObject.guard.Unlock()
	}
	return err
}

// A batcher hands what many calls bring to one goroutine, which takes all that came while it was busy.
type batcher[T any] struct {
	guard   sync.Mutex
	waiting []T
	busy    bool
}

// add adds one; run is called with up to most of them, on a goroutine of b, in order.
func (c *batcher[T]) add(b *Backend, one T, most int, run func([]T)) bool {
	if !b.enterWork() {
		return false
	}
	defer b.work.Done()
	c.guard.Lock()
	defer c.guard.Unlock()
	c.waiting = append(c.waiting, one)
	if c.busy {
		return true
	}
	c.busy = true
	b.work.Add(1)
	go func() {
		defer b.work.Done()
		for {
			c.guard.Lock()
			batch := c.waiting[:min(most, len(c.waiting))]
			c.waiting = c.waiting[len(batch):]
			if len(batch) == 0 {
				c.waiting, c.busy = nil, false
				c.guard.Unlock()
				return
			}
			c.guard.Unlock()
			run(batch)
		}
	}()
	return true
}
