package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// Each row can be measured, by all contenders that are there, and nothing is left behind.
func TestEachRowOnce(t *testing.T) {
	var out bytes.Buffer
	dir := t.TempDir()
	if err := run(context.Background(), []string{"-quick", "-dir", dir}, &out, os.Stderr); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	for _, r := range rows {
		if !strings.Contains(out.String(), "| "+r.name+" | ") {
			t.Errorf("no row %q", r.name)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

func TestMeaninglessArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-time", "-1s"}, {"-backlog", "-1"}, {"-run", "("}, {"x"}} {
		if err := run(context.Background(), args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Error(args, "are accepted")
		}
	}
}
