package proof

import (
	"time"

	"go.uber.org/goleak"
)

// Settled returns m for goleak.VerifyTestMain: it gives what the tests have
// begun, and what has been told to end, as long as it takes on a busy machine.
// goleak itself looks for half a second.
func Settled(m goleak.TestingM, ignored ...goleak.Option) goleak.TestingM {
	return settled{m, ignored}
}

type settled struct {
	goleak.TestingM
	ignored []goleak.Option
}

func (s settled) Run() int {
	code := s.TestingM.Run()
	for begin := time.Now(); code == 0 && goleak.Find(s.ignored...) != nil && time.Since(begin) < time.Minute; {
	}
	return code
}
