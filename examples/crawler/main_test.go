package main

import (
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

const report = `read 8 pages, checked 6 links that lead away
https://example.org/guide/deadlocks: 404 not found, on https://example.org/guide/locks
https://example.org/jobs: 404 not found, on https://example.org/about, https://example.org/news
https://gone.example/: 404 not found, on https://example.org/news/2024
https://python.org/3/library/queue: 404 not found, on https://example.org/guide/queues
https://slow.example/: no answer, on https://example.org/news/2025
requests: example.org 10, go.dev 2, gone.example 1, python.org 2, slow.example 1
`

func TestTheReport(t *testing.T) {
	if code, stdout, stderr := demotest.Start(program, "-fast"); code != 0 || stdout != report || stderr != "" {
		t.Errorf("exit code %d, %q, output\n%swant\n%s", code, stderr, stdout, report)
	}
}

// 10 pages and 6 links are asked for; each answer takes a tenth of a second.
func TestThreadsAndWorkersShareTheWork(t *testing.T) {
	for args, want := range map[string]time.Duration{
		"-threads 1 -workers 1":       1600 * time.Millisecond,
		"-threads 1 -workers 3":       1200 * time.Millisecond,
		"-threads 1 -workers 9 -fast": 1100 * time.Millisecond / 50,
		"-threads 99 -workers 9":      500 * time.Millisecond, // the last page is three clicks from the first
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
			if code != 0 || stdout != report || stderr != "" {
				t.Errorf("%s: exit code %d, %q, output\n%s", args, code, stderr, stdout)
			}
			if took := time.Since(began); took != want {
				t.Errorf("%s: took %v, want %v", args, took, want)
			}
		})
	}
}

func TestThePythonProgramSaysTheSame(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	out, err := exec.Command(python, "crawler.py", "0.002").CombinedOutput()
	if got := strings.ReplaceAll(string(out), "\r\n", "\n"); got != report || err != nil {
		t.Errorf("%v, output\n%swant\n%s", err, got, report)
	}
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, args := range []string{"-threads 0", "-workers 0", "-threads many"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "crawler: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
