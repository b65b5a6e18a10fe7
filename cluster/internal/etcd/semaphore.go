package etcd

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/semaphore"
)

// A semaphoreRef is a semaphore: the keys under k/, each of one Acquire, with how many permits it is for. Those hold whose
// sum, with all that were made before, is not more than there are permits. So there is no counter that could be wrong:
// arrival decides, a large Acquire is not overtaken, and who holds never loses its place, since keys before it only go.
//
// The key v has how many permits a Release has added, and up to which revision those that were there when Resize made
// them fewer hold in any case: such permits are withdrawn as they come back.
//
// A Release takes what anybody holds, also of one who does not know yet that it holds. So a key that has gone, or is for
// fewer, while its session lives and the semaphore is there, was let in: nobody else takes one. For the same reason an
// Acquire leaves a receipt, and so does its giving up.
type semaphoreRef struct {
	*ref
	bounded bool
	own     *ownPermits
}

// share returns what all handles of an object share.
func share[T any](r *ref, make func() T) T {
	r.b.guard.Lock()
	defer r.b.guard.Unlock()
	v, ok := r.b.shared[r.prefix].(T)
	if !ok {
		v = make()
		r.b.shared[r.prefix] = v
	}
	return v
}

// Semaphore returns a semaphore, bounded or not.
func (b *Backend) Semaphore(spec backend.Spec) backend.Semaphore {
	r := b.ref(spec)
	return &semaphoreRef{r, spec.Kind == backend.KindBoundedSemaphore, share(r, func() *ownPermits { return &ownPermits{gone: make(map[string]struct{})} })}
}

// permitState is the state of a semaphore.
type permitState struct {
	total int // permits, with those that a Release added
	out   int
	held  []*mvccpb.KeyValue // that hold, oldest first
	has   map[string]bool
}

func permitsOf(n int, keys map[string]*mvccpb.KeyValue, more *mvccpb.KeyValue) (st permitState) {
	added, granted := addedTo(more)
	st.total = n + added
	st.has = make(map[string]bool)
	for _, kv := range sortedByArrival(keys) {
		k := permitsIn(kv)
		if k > st.total-st.out && kv.CreateRevision > granted {
			break
		}
		st.out += k
		st.held = append(st.held, kv)
		st.has[string(kv.Key)] = true
	}
	return st
}

// addedTo takes the value of v apart.
func addedTo(kv *mvccpb.KeyValue) (added int, granted int64) {
	if kv != nil {
		_, _ = fmt.Sscan(string(kv.Value), &added, &granted)
	}
	return added, granted
}

func (st permitState) holds(key string) bool { return st.has[key] }
func (st permitState) value() int            { return max(st.total-st.out, 0) }

func permitsIn(kv *mvccpb.KeyValue) int {
	_, n := unstamp(kv.Value)
	i, _ := strconv.Atoi(string(n))
	return i
}

// number is a value that is a number; of no value it is 0.
func number(kv *mvccpb.KeyValue) int {
	if kv == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(kv.Value))
	return n
}

// ops read the whole state: its keys, what was added, and the parameters.
func (r *semaphoreRef) ops() []clientv3.Op {
	return []clientv3.Op{clientv3.OpGet(r.prefix+"k/", clientv3.WithPrefix()), clientv3.OpGet(r.prefix + "v"), clientv3.OpGet(r.metaKey())}
}

func (r *semaphoreRef) state(reads []*op) (st permitState, n int) {
	n = specOf(first(reads[2])).N
	return permitsOf(n, kvsByName(kvsOf(reads[0])), first(reads[1])), n
}

func specOf(kv *mvccpb.KeyValue) (spec backend.Spec) {
	if kv != nil {
		_ = json.Unmarshal(kv.Value, &spec)
	}
	return spec
}

// permits is what manager holds: its Lost is that of the session.
type permits struct{ s *session }

func (permits) Token() uint64           { return 0 }
func (p permits) Lost() <-chan struct{} { return p.s.lost }

func (r *semaphoreRef) check(n int) error {
	if n < 1 || n > backend.MostPermits {
		return fmt.Errorf("%w: %d of %s: want 1 to %d", semaphore.ErrValue, n, r.spec, backend.MostPermits)
	}
	return nil
}

func (r *semaphoreRef) Resize(ctx context.Context, n int) error {
	if n < 0 || n > backend.MostPermits {
		return fmt.Errorf("%w: resize %s to %d: want 0 to %d", semaphore.ErrValue, r.spec, n, backend.MostPermits)
	}
	return r.resize(ctx, n, func(reads []*op, rev int64) ([]clientv3.Cmp, []clientv3.Op) {
		st, _ := r.state(reads)
		if len(st.held) == 0 {
			return nil, nil
		}
		v := first(reads[1])
		added, granted := addedTo(v)
		granted = max(granted, st.held[len(st.held)-1].CreateRevision)
		return []clientv3.Cmp{
			clientv3.Compare(clientv3.ModRevision(r.prefix+"v"), "=", int64(cellOf(v).Rev)),
			clientv3.Compare(clientv3.ModRevision(r.prefix+"k/"), "<", rev+1).WithPrefix(),
		}, []clientv3.Op{clientv3.OpPut(r.prefix+"v", fmt.Sprint(added, granted))}
	}, r.ops()...)
}

func (r *semaphoreRef) Value(ctx context.Context) (int, error) {
	reads, _, err := r.read(ctx, r.ops()...)
	if err != nil {
		return 0, err
	}
	st, _ := r.state(reads)
	return st.value(), nil
}
