package process

import (
	"testing"
	"time"
)

func TestTheFirstMessageOfAFuncHasOneItem(t *testing.T) {
	team := new(team)
	p := team.paceOf("f")
	if p.most() != 1 || p.least() != 1 {
		t.Errorf("most %d, least %d, want 1", p.most(), p.least())
	}
	p.adapt(1, 0)
	if p.most() != 8 || team.paceOf("f") != p || team.paceOf("g").most() != 1 {
		t.Errorf("most %d, of another one %d, want 8 and 1", p.most(), team.paceOf("g").most())
	}
}

// A message takes as long as brief, about, and a worker has in hand what a message is worth.
func TestAMessageTakesAsLongAsBrief(t *testing.T) {
	p := new(pace)
	for range 10 {
		p.adapt(p.most(), time.Duration(p.most())*time.Microsecond)
	}
	if want := int(brief / time.Microsecond); p.most() != want || p.least() != want/worthwhile {
		t.Errorf("most %d, least %d, want %d and %d", p.most(), p.least(), want, want/worthwhile)
	}
	p.adapt(1, time.Hour)
	if p.most() != 1 || p.least() != 1 {
		t.Errorf("most %d, least %d after an item of an hour, want 1", p.most(), p.least())
	}
}
