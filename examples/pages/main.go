// Command pages fetches three pages at the same time, from a server that it starts itself.
// It is a port of this Python program:
//
//	def fetch(url):
//	    print("GET", url)
//	    data = urlopen(url).read()
//	    print(len(data), "bytes received from", url)
//
//	gevent.joinall([gevent.spawn(fetch, url) for url in urls])
//
// The differences that matter:
//
//   - Nothing is patched: net/http lets others run while it waits.
//   - The context that a task is called with goes into the request, so that Cancel, or the end of a Scope, ends it.
//   - Gather returns what every task returned, in the order of the addresses, and every error, by its index. A page that
//     is missing (-missing) does not keep the others from being read.
//   - Spawn has no limit. For a thousand pages use a pool.Pool with a few workers, and Map.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
)

var program = demo.Program{
	Name: "pages",
	Does: "Fetches three pages at the same time, from a server of its own.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.BoolVar(&o.missing, "missing", false, "ask for a fourth page, which there is not")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ missing bool }

func main() { program.Main() }

// sizes are the pages of the server, and how many bytes each has.
var sizes = map[string]int{"/go": 1200, "/python": 3400, "/lua": 560}

func (o *options) run(out io.Writer, second time.Duration) (err error) {
	address, stop, err := serve(second / 10)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	fetch := func(ctx context.Context, page string) (int, error) {
		fmt.Fprintln(out, "GET", page)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+page, nil)
		if err != nil {
			return 0, err
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("%s: %s", page, response.Status)
		}
		data, err := io.ReadAll(response.Body)
		if err != nil {
			return 0, err
		}
		fmt.Fprintln(out, len(data), "bytes received from", page)
		return len(data), nil
	}
	pages := []string{"/go", "/python", "/lua"}
	if o.missing {
		pages = append(pages, "/missing")
	}
	var tasks []*pool.Result[int]
	for _, page := range pages {
		tasks = append(tasks, pool.Spawn(pool.Bind(fetch, page)))
	}
	lengths, err := pool.Gather(tasks...)
	fmt.Fprintln(out, "the lengths, in order:", lengths)
	var failed *pool.MapError
	if errors.As(err, &failed) {
		for _, item := range failed.Items {
			fmt.Fprintln(out, "not received:", item.Err)
		}
		return nil
	}
	return err
}

// serve starts a server that takes its time, and returns its address and what stops it.
func serve(pause time.Duration) (address string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, found := sizes[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		time.Sleep(pause)
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return listener.Addr().String(), func() error {
		err := server.Shutdown(context.Background())
		if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}
