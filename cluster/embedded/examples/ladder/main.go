// Ladder is one program on every step of the way from one process to several
// machines. It counts how often it was run, under a lock, and says what it holds:
//
//	ladder mem:                                     this process alone
//	ladder unix:/run/app.sock                       the processes of a machine; one serves:
//	ladder serve unix:/run/app.sock
//	ladder etcd+dir:/var/lib/app                    what is counted outlives the process
//	ladder etcd://127.0.0.1:2379/app                several machines; each of three is a member:
//	ladder member DIRECTORY 127.0.0.1:2379 http://127.0.0.1:2380 http://…  http://…
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/gothreading/threading/cluster/embedded"
	"github.com/gothreading/threading/manager"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "ladder:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1:
		return count(ctx, args[0])
	case len(args) == 2 && args[0] == "serve":
		return serve(ctx, args[1])
	case len(args) > 3 && args[0] == "member":
		return member(ctx, args[1], args[2], args[3:])
	}
	return fmt.Errorf("want ADDRESS, or serve ADDRESS, or member DIRECTORY LISTEN PEERS")
}

// count is the same whatever the address is.
func count(ctx context.Context, addr string) error {
	opening, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	m, err := manager.Open(opening, addr)
	if err != nil {
		return err
	}
	defer m.Close()
	runs := manager.NewDict[string, int](m, "runs")
	return m.Lock("counting").With(ctx, func(ctx context.Context) error {
		n, err := runs.Update(ctx, "ladder", func(n int, _ bool) (int, error) { return n + 1, nil })
		if err == nil {
			fmt.Println("run", n)
		}
		return err
	})
}

func serve(ctx context.Context, addr string) error {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		return err
	}
	defer m.Close()
	l, err := net.Listen("unix", strings.TrimPrefix(addr, "unix:"))
	if err != nil {
		return err
	}
	fmt.Println("serves")
	return m.Serve(ctx, l)
}

func member(ctx context.Context, dir, listen string, peers []string) error {
	s, err := embedded.Start(ctx, dir, embedded.Listen(listen), embedded.Peers(peers...))
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("serves")
	<-ctx.Done()
	return nil
}
