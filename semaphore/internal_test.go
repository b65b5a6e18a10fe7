package semaphore

import "testing"

// While a release beyond the largest value is being refused, there is a permit
// too many, which Value does not count.
func TestValueIsNeverBeyondTheLargest(t *testing.T) {
	s := New(maxValue)
	s.permits.Increment()
	if v := s.Value(); v != maxValue {
		t.Errorf("Value is %d, want %d", v, maxValue)
	}
	if s.permits.IncrementSlow(maxValue) || s.permits.Value() != maxValue {
		t.Errorf("a release too many was not refused: the value is %d", s.permits.Value())
	}
}
