package etcd

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// A process is the value of a session's key.
type process struct {
	Label, Host string
	PID         int
}

func describeProcess(label string) string {
	host, _ := os.Hostname()
	data, _ := json.Marshal(process{label, host, os.Getpid()})
	return string(data)
}

func processOf(kv *mvccpb.KeyValue) (p process) {
	_ = json.Unmarshal(kv.Value, &p)
	return p
}

// endProcess ends the sessions of a process of this machine.
func (b *Backend) endProcess(pid int) {
	host, _ := os.Hostname()
	r, err := b.list(b.life, b.prefix+"s/")
	if err != nil {
		return
	}
	for _, kv := range r.Kvs {
		if p := processOf(kv); p.Host == host && p.PID == pid {
			_ = b.End(b.life, strings.TrimPrefix(string(kv.Key), b.prefix+"s/"))
		}
	}
}

// busy are the parts of an object that say that somebody holds it or waits for it.
var busy = [...]string{"k/", "i/", "g/", "c/"}

// Delete deletes an object that nobody uses.
func (b *Backend) Delete(ctx context.Context, kind backend.Kind, name string) error {
	if b.Closed() {
		return backend.ErrClosed
	}
	spec := backend.Spec{Kind: kind, Name: name}
	prefix := b.object(kind, name)
	ctx, stop := b.joined(ctx)
	defer stop()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	kv, err := b.get(ctx, prefix+"m")
	if err != nil {
		return err
	}
	if kv == nil {
		return backend.Errorf(backend.ErrNotFound, "%s", spec)
	}
	conds := []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(prefix+"m"), "=", kv.CreateRevision)}
	for _, part := range busy {
		conds = append(conds, nobody(prefix+part))
	}
	_, err = detach(b, ctx, func() (struct{}, error) {
		s, err := b.present(b.life)
		if err != nil {
			return struct{}{}, err
		}
		out, err := s.exact(txn{
			conds: conds,
			then:  []clientv3.Op{clientv3.OpDelete(prefix, clientv3.WithPrefix())},
			reads: []clientv3.Op{clientv3.OpGet(prefix + "m")},
			evidence: func(reads []*op) bool {
				now := first(reads[0])
				return now == nil || now.CreateRevision != kv.CreateRevision
			},
		})
		if err == nil && !out.applied {
			err = backend.Errorf(backend.ErrBusy, "%s", spec)
			if now := first(out.reads[0]); now == nil || now.CreateRevision != kv.CreateRevision {
				err = backend.Errorf(backend.ErrNotFound, "%s: somebody else deleted it", spec)
			}
		}
		return struct{}{}, err
	}, nil)
	return b.unknown(ctx, err)
}

// nobody holds if there is no key under a prefix.
func nobody(prefix string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(prefix), "=", 0).WithPrefix()
}

func (b *Backend) objects(ctx context.Context, yield func(backend.Info, error) bool) {
	fail := func(err error) { yield(backend.Info{}, err) }
	if b.Closed() {
		fail(backend.ErrClosed)
		return
	}
	if backend.Ended(ctx) {
		fail(backend.Cause(ctx))
		return
	}
	joined, stop := b.joined(ctx)
	defer stop()
	labels := make(map[string]string)
	r, err := b.list(joined, b.prefix+"s/")
	if err != nil {
		fail(err)
		return
	}
	for _, kv := range r.Kvs {
		labels[strings.TrimPrefix(string(kv.Key), b.prefix+"s/")] = processOf(kv).Label
	}
	root := b.prefix + "o/"
	objects, err := b.list(joined, root)
	if err != nil {
		fail(err)
		return
	}
	byObject := make(map[string][]*mvccpb.KeyValue)
	for _, kv := range objects.Kvs {
		parts := strings.SplitN(strings.TrimPrefix(string(kv.Key), root), "/", 3)
		if len(parts) == 3 {
			prefix := root + parts[0] + "/" + parts[1] + "/"
			byObject[prefix] = append(byObject[prefix], kv)
		}
	}
	var infos []backend.Info
	for prefix, kvs := range byObject {
		if i, ok := inform(prefix, root, kvs, labels); ok {
			infos = append(infos, i)
		}
	}
	slices.SortFunc(infos, func(a, b backend.Info) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for _, i := range infos {
		if backend.Ended(ctx) {
			fail(backend.Cause(ctx))
			return
		}
		if !yield(i, nil) {
			return
		}
	}
}

// inform describes the object that has these keys.
func inform(prefix, root string, kvs []*mvccpb.KeyValue, labels map[string]string) (i backend.Info, ok bool) {
	kind, name, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(prefix, root), "/"), "/")
	kind, _ = url.PathUnescape(kind)
	name, _ = url.PathUnescape(name)
	i = backend.Info{Kind: backend.Kind(kind), Name: name}
	parts := make(map[string][]*mvccpb.KeyValue)
	var spec backend.Spec
	for _, kv := range kvs {
		part, _, under := strings.Cut(strings.TrimPrefix(string(kv.Key), prefix), "/")
		if part == "m" && !under {
			ok = json.Unmarshal(kv.Value, &spec) == nil
			continue
		}
		parts[part] = append(parts[part], kv)
	}
	party := func(kv *mvccpb.KeyValue, token int64) backend.Party {
		since, _ := unstamp(kv.Value)
		id := sessionOf(string(kv.Key))
		return backend.Party{Session: id, Label: labels[id], Token: uint64(token), Since: since}
	}
	for _, kv := range parts["i"] {
		i.Waiters = append(i.Waiters, party(kv, 0))
	}
	switch i.Kind {
	case backend.KindLock, backend.KindRLock, backend.KindElection, backend.KindOnce:
		for n, kv := range byArrival(parts["k"]) {
			if n == 0 {
				i.Holders = append(i.Holders, party(kv, kv.ModRevision))
				i.Len = 1
			} else {
				i.Waiters = append(i.Waiters, party(kv, 0))
			}
		}
	case backend.KindSemaphore, backend.KindBoundedSemaphore:
		st := permitsOf(spec.N, kvsByName(parts["k"]), first0(parts["v"]))
		for _, kv := range byArrival(parts["k"]) {
			if st.holds(string(kv.Key)) {
				i.Holders = append(i.Holders, party(kv, 0))
			} else {
				i.Waiters = append(i.Waiters, party(kv, 0))
			}
		}
		i.Len = st.value()
	case backend.KindEvent:
		if set, _ := eventOf(first0(parts["e"])); set {
			i.Len = 1
		}
	case backend.KindCondition:
		for _, kv := range byArrival(parts["k"]) {
			i.Waiters = append(i.Waiters, party(kv, 0))
		}
	case backend.KindBarrier:
		for _, kv := range byArrival(parts["g"]) {
			i.Waiters = append(i.Waiters, party(kv, 0))
		}
		i.Len = len(i.Waiters)
	case backend.KindDict, backend.KindValue:
		i.Len = len(parts["d"])
	case backend.KindArray:
		i.Len = spec.N
	case backend.KindList:
		if kv := first0(parts["l"]); kv != nil {
			values, _ := unpack(kv.Value)
			i.Len = len(values)
		}
	case backend.KindQueue:
		i.Len = len(parts["a"]) + len(parts["b"])
		for _, kv := range byArrival(parts["c"]) {
			id, since := claimant(kv)
			i.Holders = append(i.Holders, backend.Party{Session: id, Label: labels[id], Token: uint64(kv.ModRevision), Since: since})
		}
	}
	return i, ok
}

func first0(kvs []*mvccpb.KeyValue) *mvccpb.KeyValue {
	if len(kvs) == 0 {
		return nil
	}
	return kvs[0]
}

func kvsByName(kvs []*mvccpb.KeyValue) map[string]*mvccpb.KeyValue {
	m := make(map[string]*mvccpb.KeyValue, len(kvs))
	for _, kv := range kvs {
		m[string(kv.Key)] = kv
	}
	return m
}

// byArrival sorts keys by the order in which they were made.
func byArrival(kvs []*mvccpb.KeyValue) []*mvccpb.KeyValue {
	slices.SortFunc(kvs, func(a, b *mvccpb.KeyValue) int {
		return cmp.Or(cmp.Compare(a.CreateRevision, b.CreateRevision), cmp.Compare(string(a.Key), string(b.Key)))
	})
	return kvs
}

func sortedByArrival(state map[string]*mvccpb.KeyValue) []*mvccpb.KeyValue {
	kvs := make([]*mvccpb.KeyValue, 0, len(state))
	for _, kv := range state {
		kvs = append(kvs, kv)
	}
	return byArrival(kvs)
}
