package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"

	"github.com/gothreading/threading/cluster"
	"github.com/gothreading/threading/manager"
)

var rows = []row{
	{key: "lock", name: "lock that is free", contenders: []contender{
		{"here", lockAlone(ours)}, {"etcd's concurrency.Mutex", lockAlone(recipes)}, {"redsync", lockAlone(redlock)},
	}},
	{key: "contended", name: "lock that 4 processes want", contenders: []contender{
		{"here", contended(ours, 1)}, {"etcd's concurrency.Mutex", contended(recipes, 1)}, {"redsync", contended(redlock, 1)},
	}},
	{key: "contended3", name: "the same on 3 servers", contenders: []contender{
		{"here", contended(ours, 3)}, {"etcd's concurrency.Mutex", contended(recipes, 3)},
	}},
	{key: "put", name: "put by 16 callers", contenders: []contender{{"here", puts(ours)}, {"etcd's recipe.Queue", puts(recipes)}}},
	{key: "get", name: "get by 16 callers", contenders: []contender{{"here", gets(ours)}, {"etcd's recipe.Queue", gets(recipes)}}},
	{key: "claim", name: "claim and ack by 16 callers", contenders: []contender{{"here", claims("claims", 0)}}},
	{key: "wake", name: "from a put to the return of a get that waits, median", time: true, contenders: []contender{
		{"here", wakes(ours, 0.5)}, {"etcd's recipe.Queue", wakes(recipes, 0.5)},
	}},
	{key: "wake99", name: "the same, 99 of 100", time: true, contenders: []contender{
		{"here", wakes(ours, 0.99)}, {"etcd's recipe.Queue", wakes(recipes, 0.99)},
	}},
	{key: "pool", name: "tasks with acknowledgement and result, 64 callers", contenders: []contender{{"here", tasks}, {"Celery on Redis", celeryTasks}}},
	{key: "backlog", name: "claim and ack with a backlog", contenders: []contender{{"here", claims("backlog", 1)}, {"without one", claims("claims", 0)}}},
	{key: "durable lock", name: "what durability costs: lock", contenders: []contender{{"here", pair(durable)}, {"manager on unix:", pair(volatile)}}},
	{key: "durable set", name: "what durability costs: Dict.Set", contenders: []contender{{"here", sets(durable)}, {"manager on unix:", sets(volatile)}}},
	{key: "durable put", name: "what durability costs: put and get", contenders: []contender{{"here", putGet(durable)}, {"manager on unix:", putGet(volatile)}}},
}

const (
	ours    = "ours"
	recipes = "etcd"
	redlock = "redis"
)

// rate calls f from some goroutines for a while and returns how many calls a second there were.
func rate(d time.Duration, callers int, f func() error) (float64, error) {
	return drain(d, callers, math.MaxInt, f)
}

// drain is rate for no more calls than there are items.
func drain(d time.Duration, callers, items int, f func() error) (float64, error) {
	var (
		wg   sync.WaitGroup
		left atomic.Int64
		n    atomic.Int64
		errs = make(chan error, callers)
	)
	left.Store(int64(items))
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					errs <- err
					return
				}
				n.Add(1)
				if time.Since(began) >= d {
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(n.Load()) / took.Seconds(), nil
	}
}

// A mutex is a lock of any kind, and what closes its client.
type mutex struct {
	lock, unlock func() error
	close        func()
}

// newMutex returns the lock of a name: of a Manager, of etcd's recipes, or of redsync.
func newMutex(ctx context.Context, kind, at, name string) (mutex, error) {
	switch kind {
	case ours:
		m, err := manager.Open(ctx, at)
		if err != nil {
			return mutex{}, err
		}
		l := m.Lock(name)
		return mutex{func() error { return l.LockContext(ctx) }, func() error { return l.UnlockContext(ctx) }, func() { _ = m.Close() }}, nil
	case recipes:
		c, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(at, ","), DialTimeout: 10 * time.Second})
		if err != nil {
			return mutex{}, err
		}
		s, err := concurrency.NewSession(c)
		if err != nil {
			return mutex{}, err
		}
		l := concurrency.NewMutex(s, "/mutex/"+name)
		return mutex{func() error { return l.Lock(ctx) }, func() error { return l.Unlock(ctx) }, func() { _ = s.Close(); _ = c.Close() }}, nil
	}
	c := redis.NewClient(&redis.Options{Addr: at})
	l := redsync.New(goredis.NewPool(c)).NewMutex(name, redsync.WithTries(1<<20))
	return mutex{l.Lock, func() error { _, err := l.Unlock(); return err }, func() { _ = c.Close() }}, nil
}

// where returns where a kind of lock is.
func (w *world) where(kind string, servers int) (string, error) {
	switch kind {
	case ours:
		return w.addr(servers)
	case recipes:
		at, err := w.etcd(servers)
		return strings.Join(at, ","), err
	}
	return w.redisAddr()
}

func lockAlone(kind string) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		at, err := w.where(kind, 1)
		if err != nil {
			return 0, err
		}
		l, err := newMutex(ctx, kind, at, w.name("alone"))
		if err != nil {
			return 0, err
		}
		defer l.close()
		return rate(d, 1, func() error {
			if err := l.lock(); err != nil {
				return err
			}
			return l.unlock()
		})
	}
}

func contended(kind string, servers int) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		at, err := w.where(kind, servers)
		if err != nil {
			return 0, err
		}
		const processes = 4
		var all []*child
		name := w.name("contended")
		for range processes {
			c, err := w.spawn(strings.Join([]string{"contend", kind, at, name, d.String()}, " "))
			if err != nil {
				return 0, err
			}
			defer c.end()
			all = append(all, c)
		}
		for _, c := range all {
			if _, err := c.line(); err != nil { // it is ready
				return 0, err
			}
		}
		for _, c := range all {
			fmt.Fprintln(c.in, "go")
		}
		total := 0.0
		for _, c := range all {
			n, err := c.number()
			if err != nil {
				return 0, err
			}
			total += n
		}
		return total, nil
	}
}

// contend is the role of one that wants a lock which others want.
func contend(ctx context.Context, args []string) error {
	d, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	l, err := newMutex(ctx, args[0], args[1], args[2])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	n, err := rate(d, 1, func() error {
		if err := l.lock(); err != nil {
			return err
		}
		return l.unlock()
	})
	if err != nil {
		return err
	}
	fmt.Println(n)
	l.close()
	return nil
}

// A line is a queue of any kind.
type line struct {
	put func(string) error
	get func() (string, error)
}

func (w *world) line(ctx context.Context, kind, name string) (line, error) {
	if kind == ours {
		m, err := w.manager(ctx, 1)
		if err != nil {
			return line{}, err
		}
		q := manager.NewQueue[string](m, name, 0)
		return line{q.Put, q.Get}, nil
	}
	c, err := w.etcdClient(1)
	if err != nil {
		return line{}, err
	}
	q := recipe.NewQueue(c, "/queue/"+name)
	return line{q.Enqueue, q.Dequeue}, nil
}

const callers = 16

func puts(kind string) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		q, err := w.line(ctx, kind, w.name("puts"))
		if err != nil {
			return 0, err
		}
		return rate(d, callers, func() error { return q.put("item") })
	}
}

// gets takes what is there already: so much that it lasts.
func gets(kind string) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		q, err := w.line(ctx, kind, w.name("gets"))
		if err != nil {
			return 0, err
		}
		items := 4*callers + int(d.Seconds()*1000)
		if kind == ours {
			items = 4*callers + int(d.Seconds()*30_000)
		}
		if err := fill(q.put, items); err != nil {
			return 0, err
		}
		return drain(d, callers, items, func() error { _, err := q.get(); return err })
	}
}

func fill(put func(string) error, items int) error {
	_, err := drain(math.MaxInt64, 64, items, func() error { return put("item") })
	return err
}

// claims claims and acknowledges what is there already, with a backlog behind it or without.
func claims(name string, backlogs int) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		m, err := w.manager(ctx, 1)
		if err != nil {
			return 0, err
		}
		items := 4*callers + int(d.Seconds()*15_000)
		key, more := name, 0
		if backlogs == 0 {
			key = w.name(name)
		} else if more = items; !w.filled[key] {
			more += w.backlog
			w.filled[key] = true
		}
		q := manager.NewQueue[string](m, key, 0)
		if backlogs == 0 {
			more = items
		}
		if err := fill(q.Put, more); err != nil {
			return 0, err
		}
		return drain(d, callers, items, func() error {
			c, err := q.ClaimContext(ctx)
			if err != nil {
				return err
			}
			return c.Ack(ctx)
		})
	}
}

// wakes is how long it takes until one who waits in another process has an item.
func wakes(kind string, quantile float64) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		name := w.name("wakes")
		q, err := w.line(ctx, kind, name)
		if err != nil {
			return 0, err
		}
		at, err := w.where(kind, 1)
		if err != nil {
			return 0, err
		}
		c, err := w.spawn(strings.Join([]string{"sleep", kind, at, name}, " "))
		if err != nil {
			return 0, err
		}
		defer c.end()
		if _, err := c.line(); err != nil { // it is ready
			return 0, err
		}
		var took []float64
		for began := time.Now(); len(took) < 3 || time.Since(began) < d; {
			time.Sleep(5 * time.Millisecond) // until it waits
			if err := q.put(strconv.FormatInt(time.Now().UnixNano(), 10)); err != nil {
				return 0, err
			}
			n, err := c.number()
			if err != nil {
				return 0, err
			}
			took = append(took, n/1e6)
		}
		slices.Sort(took)
		return took[int(float64(len(took)-1)*quantile)], nil
	}
}

// sleep is the role of one that waits for items.
func sleep(ctx context.Context, args []string) error {
	var get func() (string, error)
	if args[0] == ours {
		m, err := manager.Open(ctx, args[1])
		if err != nil {
			return err
		}
		get = manager.NewQueue[string](m, args[2], 0).Get
	} else {
		c, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(args[1], ","), DialTimeout: 10 * time.Second})
		if err != nil {
			return err
		}
		get = recipe.NewQueue(c, "/queue/"+args[2]).Dequeue
	}
	fmt.Println("ready")
	for {
		sent, err := get()
		if err != nil {
			return err
		}
		now := time.Now().UnixNano()
		at, err := strconv.ParseInt(sent, 10, 64)
		if err != nil {
			return err
		}
		fmt.Println(now - at)
	}
}

// tasks runs tasks in two other processes, with 32 workers each.
func tasks(ctx context.Context, w *world, d time.Duration) (float64, error) {
	m, err := w.manager(ctx, 1)
	if err != nil {
		return 0, err
	}
	c, err := cluster.From(m)
	if err != nil {
		return 0, err
	}
	p := c.Pool("tasks")
	if !w.works {
		w.works = true
		addr, err := w.addr(1)
		if err != nil {
			return 0, err
		}
		for range 2 {
			if _, err := w.spawn("work " + addr); err != nil {
				return 0, err
			}
		}
		if _, err := cluster.Apply(ctx, p, double, 1); err != nil {
			return 0, err
		}
	}
	return rate(d, 64, func() error {
		n, err := cluster.Apply(ctx, p, double, 21)
		if err == nil && n != 42 {
			err = fmt.Errorf("the result is %d", n)
		}
		return err
	})
}

// work is the role of one that runs tasks.
func work(ctx context.Context, args []string) error {
	m, err := manager.Open(ctx, args[0])
	if err != nil {
		return err
	}
	c, err := cluster.From(m)
	if err != nil {
		return err
	}
	return c.Pool("tasks").Work(ctx, 32)
}

func celeryTasks(_ context.Context, w *world, d time.Duration) (float64, error) {
	c, err := w.celeryClient()
	if err != nil {
		return 0, err
	}
	fmt.Fprintln(c.in, d.Seconds())
	return c.number()
}

// Where something is kept: on a disk, by etcd, or in the memory of another process.
type tier func(ctx context.Context, w *world) (*manager.Manager, error)

func durable(ctx context.Context, w *world) (*manager.Manager, error)  { return w.manager(ctx, 1) }
func volatile(ctx context.Context, w *world) (*manager.Manager, error) { return w.unix(ctx) }

func pair(on tier) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		m, err := on(ctx, w)
		if err != nil {
			return 0, err
		}
		l := m.Lock("pair")
		return rate(d, 1, func() error { l.Lock(); l.Unlock(); return nil })
	}
}

func sets(on tier) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		m, err := on(ctx, w)
		if err != nil {
			return 0, err
		}
		dict := manager.NewDict[string, int](m, "sets")
		return rate(d, 1, func() error { return dict.Set(ctx, "k", 1) })
	}
}

func putGet(on tier) func(context.Context, *world, time.Duration) (float64, error) {
	return func(ctx context.Context, w *world, d time.Duration) (float64, error) {
		m, err := on(ctx, w)
		if err != nil {
			return 0, err
		}
		q := manager.NewQueue[string](m, "put and get", 0)
		return rate(d, 1, func() error {
			if err := q.Put("item"); err != nil {
				return err
			}
			_, err := q.Get()
			return err
		})
	}
}
