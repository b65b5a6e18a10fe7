package hook

import (
	"slices"
	"testing"
)

func TestChildEndedTellsWhoeverWantsToKnow(t *testing.T) {
	var first, second []int
	removeFirst := OnChildEnd(func(pid int) { first = append(first, pid) })
	removeSecond := OnChildEnd(func(pid int) { second = append(second, pid) })
	ChildEnded(1)
	removeFirst()
	ChildEnded(2)
	removeFirst()
	removeSecond()
	ChildEnded(3)
	if !slices.Equal(first, []int{1}) || !slices.Equal(second, []int{1, 2}) {
		t.Error(first, second)
	}
}
