//go:build threadingexplore

package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// A Chooser decides which of the routines that may go on does so. Time is one
// of them, the last, if it may pass.
type Chooser interface {
	choose(may []*routine, last *routine) int
}

// Random returns the Chooser of a seed. Every other seed gives the goroutines
// priorities and changes a few of them on the way: that finds faults that need
// one goroutine to be held up for long, where a choice at each step would let
// it go on too soon.
func Random(seed uint64) Chooser {
	random := rand.New(rand.NewPCG(seed, 0))
	if seed%2 == 1 {
		return &priorities{random: random, of: map[string]int{}}
	}
	return uniform{random}
}

// uniform chooses any of them.
type uniform struct{ random *rand.Rand }

func (u uniform) choose(may []*routine, _ *routine) int { return u.random.IntN(len(may)) }

// priorities chooses the routine with the highest priority. Each gets a random
// one when it is first seen, and once in a while the one that would go on falls
// below all others: probabilistic concurrency testing (Burckhardt et al.).
type priorities struct {
	random *rand.Rand
	of     map[string]int
	lowest int
}

func (p *priorities) choose(may []*routine, _ *routine) int {
	best := 0
	for i, r := range may {
		if _, ok := p.of[r.name]; !ok {
			p.of[r.name] = 1 + p.random.IntN(1000)
		}
		if p.of[r.name] > p.of[may[best].name] {
			best = i
		}
	}
	if may[best].time || p.random.IntN(10) == 0 { // time must not run away
		p.lowest--
		p.of[may[best].name] = p.lowest
	}
	return best
}

// depthFirst goes through the tree of decisions. Its first choice is the
// goroutine that went on last.
type depthFirst struct {
	bound   int
	choices []decision // the present path
	at      int
	spent   int
}

type decision struct{ taken, of int }

func (d *depthFirst) choose(may []*routine, last *routine) int {
	// In the order in which they are tried.
	var order []int
	going := slices.Index(may, last)
	if going >= 0 {
		order = append(order, going)
	}
	for i, r := range may {
		if i != going && !(r.time && len(may) > 1 && d.spent >= d.bound) && (going < 0 || d.spent < d.bound) {
			order = append(order, i)
		}
	}
	if d.at == len(d.choices) {
		d.choices = append(d.choices, decision{0, len(order)})
	}
	taken := min(d.choices[d.at].taken, len(order)-1)
	d.choices[d.at] = decision{taken, len(order)}
	d.at++
	if choice := order[taken]; going >= 0 && choice != going || may[choice].time {
		d.spent++
	}
	return order[taken]
}

// next moves to the next path, and reports whether there is one.
func (d *depthFirst) next() bool {
	for i := d.at - 1; i >= 0; i-- {
		if c := d.choices[i]; c.taken+1 < c.of {
			d.choices = d.choices[:i+1]
			d.choices[i].taken++
			return true
		}
	}
	return false
}

// String returns the schedule that was run, without the decisions at its end
// that were the first choice.
func (d *depthFirst) String() string {
	text := fmt.Sprint(d.bound, ":")
	last := d.at
	for last > 0 && d.choices[last-1].taken == 0 {
		last--
	}
	for i, c := range d.choices[:last] {
		if i > 0 {
			text += "."
		}
		text += strconv.Itoa(c.taken)
	}
	return text
}

// parse reads a schedule: a seed, or bound:decisions.
func parse(text string) (Chooser, error) {
	bound, decisions, isPath := strings.Cut(text, ":")
	if !isPath {
		seed, err := strconv.ParseUint(text, 10, 64)
		return Random(seed), err
	}
	d := new(depthFirst)
	var err error
	if d.bound, err = strconv.Atoi(bound); err != nil {
		return nil, err
	}
	for _, word := range strings.FieldsFunc(decisions, func(r rune) bool { return r == '.' }) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		d.choices = append(d.choices, decision{taken: n})
	}
	return d, nil
}
