package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gothreading/threading/manager"
)

// play is what the other processes do, which are killed at the end, or end with the one that started them.
func play(role string) error {
	ctx := context.Background()
	words := strings.Fields(role)
	name, args := words[0], words[1:]
	if name != "contend" { // which reads its standard input
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	switch name {
	case "etcd":
		return serve(ctx, args)
	case "unix":
		m, err := manager.Start()
		if err != nil {
			return err
		}
		fmt.Println(m.Addr())
		select {}
	case "contend":
		return contend(ctx, args)
	case "sleep":
		return sleep(ctx, args)
	case "work":
		return work(ctx, args)
	}
	return fmt.Errorf("unknown role %q", role)
}
