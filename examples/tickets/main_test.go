package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestEveryTicketIsSoldOnce(t *testing.T) {
	for _, c := range []struct {
		args             string
		tickets, sellers int
		seconds          float64 // each sale takes half of one
	}{
		{"", 20, 3, 3.5},
		{"-fast", 20, 3, 3.5},
		{"-sellers 1", 20, 1, 10},
		{"-sellers 40", 20, 40, 0.5},
		{"-offices 100 -sellers 7", 100, 7, 7.5},
		{"-offices 0", 0, 3, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, strings.Fields(c.args)...)
			if code != 0 || stderr != "" {
				t.Fatalf("%s: exit code %d, %q", c.args, code, stderr)
			}
			d := time.Duration(c.seconds * float64(time.Second))
			if c.args == "-fast" {
				d /= 50
			}
			if got := time.Since(began); got != d {
				t.Errorf("%s: took %v, want %v", c.args, got, d)
			}
			lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
			last := fmt.Sprintf("%d tickets put, %d sold, none twice, after %.1f s", c.tickets, c.tickets, c.seconds)
			if got := lines[len(lines)-1]; got != last {
				t.Errorf("%s: the last line is %q, want %q", c.args, got, last)
			}
			var tickets []int
			sold, claimed, sellers := map[string]int{}, 0, 0
			for _, line := range lines[:len(lines)-1] {
				var name string
				var n int
				if _, err := fmt.Sscanf(line, "%s sells ticket %d", &name, &n); err == nil {
					sold[name]++
					tickets = append(tickets, n)
				} else if _, err := fmt.Sscanf(line, "%s has sold %d", &name, &n); err == nil {
					sellers++
					claimed += n
					if n != sold[name] {
						t.Errorf("%s: %s claims %d tickets but sold %d", c.args, name, n, sold[name])
					}
				} else {
					t.Errorf("%s: unexpected line %q", c.args, line)
				}
			}
			slices.Sort(tickets)
			for i, ticket := range tickets {
				if i != ticket {
					t.Fatalf("%s: tickets sold: %v", c.args, tickets)
				}
			}
			if len(tickets) != c.tickets || claimed != c.tickets || sellers != c.sellers {
				t.Errorf("%s: %d tickets sold by %d sellers, who claim %d", c.args, len(tickets), sellers, claimed)
			}
		})
	}
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, args := range []string{"-sellers 0", "-offices -1", "-offices many"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "tickets: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
