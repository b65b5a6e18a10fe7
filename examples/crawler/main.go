// Command crawler reads the pages of a site in threads, and checks the links that lead away from it in a pool.
// It is a port of the Python program crawler.py in this folder; docs/porting.md does it step by step.
//
// The differences that matter:
//
//   - The dict that counts requests has no lock in Python, where the GIL makes a lost update rare. In Go that is a data
//     race, which may end the process with "concurrent map writes". Here a lock guards the map.
//   - A subclass with class attributes becomes a struct, and each thread runs a method of it.
//   - Sentinels are not needed: when everything has been read the queue is shut down, and the loops over Tasks end.
//   - What Python raises for a page that cannot be read is an error that get returns.
//   - The pool keeps the results in the order of the links, so no dict of futures is needed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

// The options are what the flags say.
type options struct{ threads, workers int }

var program = demo.Program{
	Name: "crawler",
	Does: "Reads the pages of a simulated site, and checks the links that lead away from it.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.threads, "threads", 4, "how many `threads` read pages")
		f.IntVar(&o.workers, "workers", 3, "how many `workers` check links")
		return o.run
	},
}

func main() { program.Main() }

const home = "https://example.org"

// world is the simulated network: the pages there are and their links. nil stands for a host that does not answer.
var world = map[string][]string{
	home + "/":              {"/news", "/guide", "/about", "https://go.dev/"},
	home + "/news":          {"/", "/news/2024", "/news/2025", "/jobs", "https://python.org/"},
	home + "/news/2024":     {"/news", "/guide", "https://gone.example/"},
	home + "/news/2025":     {"/news", "/guide/queues", "https://go.dev/blog", "https://slow.example/"},
	home + "/guide":         {"/", "/guide/locks", "/guide/queues", "https://go.dev/"},
	home + "/guide/locks":   {"/guide", "/guide/deadlocks"},
	home + "/guide/queues":  {"/guide", "/guide/locks", "https://python.org/3/library/queue"},
	home + "/about":         {"/", "/jobs", "https://python.org/"},
	"https://go.dev/":       {},
	"https://go.dev/blog":   {},
	"https://python.org/":   {},
	"https://slow.example/": nil,
}

var (
	errNotFound = errors.New("404 not found")
	errNoAnswer = errors.New("no answer")
)

// A network answers requests, and counts them.
type network struct {
	pages map[string][]string
	delay time.Duration // until an answer comes

	guard threading.Lock // of asked
	asked map[string]int // how many requests each host got
}

func (n *network) get(url string) ([]string, error) {
	host := strings.Split(url, "/")[2]
	n.guard.Lock()
	n.asked[host]++
	n.guard.Unlock()

	time.Sleep(n.delay)
	links, found := n.pages[url]
	switch {
	case !found:
		return nil, errNotFound
	case links == nil:
		return nil, errNoAnswer
	}
	return links, nil
}

// A crawler reads pages.
type crawler struct {
	net  *network
	todo queue.Queue[string] // pages to read

	guard  threading.Lock      // of the three below
	links  map[string][]string // each link that was found, and the pages it is on
	broken map[string]error    // each page that could not be read, and why
	pages  int
}

// run is what each of the threads does.
func (c *crawler) run() {
	for url := range c.todo.Tasks() {
		c.read(url)
	}
}

func (c *crawler) read(url string) {
	found, err := c.net.get(url)
	c.guard.Lock()
	defer c.guard.Unlock()
	if err != nil {
		c.broken[url] = err
		return
	}
	c.pages++
	for _, link := range found {
		if strings.HasPrefix(link, "/") {
			link = home + link
		}
		c.note(link, url)
	}
}

// note is called with the guard held.
func (c *crawler) note(link, page string) {
	if _, known := c.links[link]; !known && strings.HasPrefix(link, home) {
		c.todo.Put(link) // the queue is unbounded, so this does not wait
	}
	c.links[link] = append(c.links[link], page)
}

// crawl reads all pages that can be reached from the first one, in threads.
func (c *crawler) crawl(first string, threads int) {
	var readers []*threading.Thread
	for i := range threads {
		t := threading.NewThread(c.run, thread.Name(fmt.Sprintf("crawler-%d", i+1)))
		t.Start()
		readers = append(readers, t)
	}
	c.guard.Lock()
	c.links[first] = nil
	c.guard.Unlock()
	c.todo.Put(first)
	c.todo.Join() // a page is done only after its links were put, so this is the end
	c.todo.Shutdown()
	for _, t := range readers {
		t.Join()
	}
}

// check asks for every page, and notes what is wrong with it.
func (c *crawler) check(p *pool.Pool, pages []string) {
	err := pool.ForEach(p, func(_ context.Context, url string) error {
		_, err := c.net.get(url)
		return err
	}, pages)
	var failed *pool.MapError // has the error of each page that failed, by index
	if errors.As(err, &failed) {
		for _, item := range failed.Items {
			c.broken[pages[item.Index]] = item.Err
		}
	}
}

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.threads < 1 || o.workers < 1 {
		return demo.BadInput("-threads %d -workers %d: want at least one of each", o.threads, o.workers)
	}
	net := &network{pages: world, delay: second / 10, asked: map[string]int{}}
	c := &crawler{net: net, links: map[string][]string{}, broken: map[string]error{}}
	c.crawl(home+"/", o.threads)

	var away []string
	for link := range c.links { // nobody else uses c any more, so it needs no lock
		if !strings.HasPrefix(link, home) {
			away = append(away, link)
		}
	}
	p := pool.New(o.workers)
	defer p.Shutdown()
	c.check(p, away)

	fmt.Fprintf(out, "read %d pages, checked %d links that lead away\n", c.pages, len(away))
	for _, link := range slices.Sorted(maps.Keys(c.broken)) {
		pages := slices.Sorted(slices.Values(c.links[link]))
		fmt.Fprintf(out, "%s: %v, on %s\n", link, c.broken[link], strings.Join(pages, ", "))
	}
	var counts []string
	for _, host := range slices.Sorted(maps.Keys(net.asked)) {
		counts = append(counts, fmt.Sprintf("%s %d", host, net.asked[host]))
	}
	_, err := fmt.Fprintln(out, "requests:", strings.Join(counts, ", "))
	return err
}
