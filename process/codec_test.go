package process

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/gothreading/threading/internal/proof"
)

// again encodes a value and decodes it.
func again[T any](t testing.TB, x T) (T, error) {
	t.Helper()
	c := newCodec[T]("test", false)
	data, err := c.encode(nil, x, nil)
	if err != nil {
		return x, err
	}
	return c.decode(data, nil)
}

// comesBack checks that a value comes back as it was.
func comesBack[T any](t *testing.T, values ...T) {
	t.Helper()
	for _, x := range values {
		y, err := again(t, x)
		if err != nil || !reflect.DeepEqual(x, y) {
			t.Errorf("%#v (%T) came back as %#v, %v", x, x, y, err)
		}
	}
}

type (
	plain struct {
		a int8
		B [3]float64
		c complex128
		D struct{ e bool }
	}
	Inner  struct{ X, Y int }
	sample struct {
		Name   string
		Number int
		When   time.Time
		Floats []float64
		Inner
		Map    map[string][]int
		Ptr    *Inner
		Key    map[[2]int]Inner
		Struct map[Inner]string
		Raw    []byte
		Tagged int `json:"other,omitempty"`
		_      struct{}
	}
	list struct {
		Value int
		Next  *list
	}
	tree   struct{ Children []tree }
	colour string
	bytes4 [4]byte
)

func TestWhatIsEncodedComesBack(t *testing.T) {
	comesBack(t, 0, 1, -1, math.MaxInt, math.MinInt)
	comesBack(t, uint64(math.MaxUint64))
	comesBack(t, 0.5, math.Inf(1), math.Copysign(0, -1), math.SmallestNonzeroFloat64)
	comesBack(t, complex(1, -2))
	comesBack(t, true, false)
	comesBack(t, struct{}{})
	comesBack(t, "", "x", "\xff\xfe not UTF-8", strings.Repeat("long", 100_000))
	comesBack(t, colour("red"))
	comesBack(t, []byte(nil), []byte{}, []byte{0, 1})
	comesBack(t, []int(nil), []int{}, []int{1, 2, 3})
	comesBack(t, []struct{}(nil), []struct{}{}, make([]struct{}, 5))
	comesBack(t, [][]int(nil), [][]int{}, [][]int{nil, {}, {1}})
	comesBack(t, []string(nil), []string{}, []string{"", "\xff"})
	comesBack(t, map[string]int(nil), map[string]int{}, map[string]int{"\xff": 1, "": 2})
	comesBack(t, map[float64]bool{0.5: true})
	comesBack(t, plain{1, [3]float64{1, 2, 3}, complex(1, 2), struct{ e bool }{true}})
	comesBack(t, bytes4{1, 2})
	comesBack(t, []bytes4{{1}})
	comesBack(t, [][2]string{{"a", "b"}})
	comesBack(t, sample{})
	comesBack(t, sample{
		Name: "n", Number: -3, When: time.Date(2026, 11, 28, 1, 2, 3, 456789, time.UTC), Floats: []float64{1.5}, Inner: Inner{1, 2},
		Map: map[string][]int{"a": nil, "b": {}, "c": {1}}, Ptr: &Inner{3, 4}, Key: map[[2]int]Inner{{1, 2}: {3, 4}},
		Struct: map[Inner]string{{1, 2}: "x"}, Raw: []byte{}, Tagged: 7,
	})
	zero, five := 0, 5
	comesBack(t, (*int)(nil), &zero, &five)
	comesBack(t, []*int{nil, &zero})
	comesBack(t, &list{1, &list{2, nil}}, nil)
	comesBack(t, tree{[]tree{{}, {[]tree{}}}})
	comesBack(t, netip.MustParseAddr("10.0.0.1"))
	comesBack(t, []netip.Addr{netip.MustParseAddr("::1")})
	comesBack(t, map[netip.Addr]int{netip.MustParseAddr("::1"): 1})
	u, _ := url.Parse("http://a/b?c")
	comesBack(t, u)
	if x, err := again(t, math.NaN()); err != nil || !math.IsNaN(x) {
		t.Error(x, err)
	}
	nan := []map[string]float64{{"x": math.Float64frombits(0x7ff8_0000_dead_beef)}}
	if x, err := again(t, nan); err != nil || math.Float64bits(x[0]["x"]) != 0x7ff8_0000_dead_beef {
		t.Errorf("%x, %v", math.Float64bits(x[0]["x"]), err)
	}
}

func TestATimeKeepsItsInstantAndOffset(t *testing.T) {
	for _, x := range []time.Time{
		{}, time.Unix(0, 1), time.Now(), time.Date(2026, 1, 2, 3, 4, 5, 999_999_999, time.FixedZone("", -5*3600-30*60)),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		for name, y := range map[string]func() (time.Time, error){
			"alone":      func() (time.Time, error) { return again(t, x) },
			"in a slice": func() (time.Time, error) { s, err := again(t, []time.Time{x}); return s[0], err },
			"in a struct": func() (time.Time, error) {
				s, err := again(t, struct{ A, B time.Time }{B: x})
				return s.B, err
			},
		} {
			y, err := y()
			_, before := x.Zone()
			_, after := y.Zone()
			if err != nil || !x.Equal(y) || before != after {
				t.Errorf("%v %s came back as %v, %v", x, name, y, err)
			}
		}
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3601))
	zero := time.Time{}
	for name, f := range map[string]func() error{
		"seconds in the offset":  func() error { _, err := again(t, at); return err },
		"in a map":               func() error { _, err := again(t, map[string]time.Time{"": at}); return err },
		"the year 10000":         func() error { _, err := again(t, at.AddDate(8000, 0, 0)); return err },
		"before the year 0":      func() error { _, err := again(t, time.Time{}.AddDate(-5, 0, 0)); return err },
		"a pointer to none":      func() error { _, err := again(t, &zero); return err },
		"no time, at some place": func() error { _, err := again(t, time.Time{}.In(time.FixedZone("", 3600))); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAValueThatIsTooDeepIsAnError(t *testing.T) {
	chain := func(n int) *list {
		var l *list
		for i := range n {
			l = &list{i, l}
		}
		return l
	}
	comesBack(t, chain(900))
	cycle := &list{}
	cycle.Next = cycle
	self := map[string]selfish{}
	self["x"] = self
	inSlice := []tree{{}}
	inSlice[0].Children = inSlice
	for name, f := range map[string]func() error{
		"1,100 deep":           func() error { _, err := again(t, chain(1100)); return err },
		"a cycle":              func() error { _, err := again(t, cycle); return err },
		"a map in itself":      func() error { _, err := again(t, selfish(self)); return err },
		"a slice in itself":    func() error { _, err := again(t, inSlice); return err },
		"a cycle in a struct":  func() error { _, err := again(t, struct{ L *list }{cycle}); return err },
		"a cycle behind a map": func() error { _, err := again(t, map[int]*list{1: cycle}); return err },
	} {
		if err := f(); !errors.Is(err, errDeep) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type selfish map[string]selfish

type (
	half     struct{ X []int }
	halfBack struct{ X []int }
	promoted struct {
		time.Time
		Extra []int
	}
	Hidden struct {
		Name []string
	}
	hiding struct {
		Hidden
		Name string
	}
	embedsPointer struct {
		*Inner
		S string
	}
	unexportedDeep struct {
		P    *int
		Part struct{ hidden int }
	}
)

func (half) MarshalBinary() ([]byte, error)    { return nil, nil }
func (*halfBack) UnmarshalBinary([]byte) error { return nil }
func refusal[T any]() error {
	v := proof.Recovered(func() { newCodec[T]("call", false) })
	err, _ := v.(error)
	return err
}

func TestWhatWouldBeDroppedIsRefused(t *testing.T) {
	for _, c := range []struct {
		err   error
		names string // what the text must name
	}{
		{refusal[any](), "interface"},
		{refusal[error](), "interface"},
		{refusal[[]any](), "[i]"},
		{refusal[map[string]any](), "[key]"},
		{refusal[struct{ A struct{ B error } }](), ".A.B"},
		{refusal[func()](), "func()"},
		{refusal[struct{ F [2]func() }](), ".F[i]"},
		{refusal[chan int](), "chan int"},
		{refusal[struct{ C <-chan int }](), ".C"},
		{refusal[uintptr](), "uintptr"},
		{refusal[struct{ u uintptr }](), ".u"},
		{refusal[unsafe.Pointer](), "unsafe.Pointer"},
		{refusal[[]complex128](), "[i]"},
		{refusal[struct {
			C complex64
			S string
		}](), ".C"},
		{refusal[struct {
			s string
		}](), ".s"},
		{refusal[unexportedDeep](), ".Part.hidden"},
		{refusal[sync.Mutex](), "Lock and Unlock"},
		{refusal[struct{ M sync.RWMutex }](), ".M"},
		{refusal[*sync.Mutex](), "Lock and Unlock"},
		{refusal[atomic.Int64](), "._"},
		{refusal[struct{ L sync.Locker }](), ".L"},
		{refusal[big.Int](), ".neg"},
		{refusal[half](), "UnmarshalBinary"},
		{refusal[halfBack](), "MarshalBinary"},
		{refusal[promoted](), "embedded"},
		{refusal[hiding](), ".Name"},
		{refusal[embedsPointer](), ".Inner"},
		{refusal[struct {
			A []int `json:"-"`
		}](), ".A"},
		{refusal[struct {
			A []int `json:"a,omitempty"`
		}](), ".A"},
		{refusal[struct {
			A map[string]int `cbor:",omitempty"`
		}](), ".A"},
		{refusal[struct {
			A []int `cbor:"x"`
			B []int `cbor:"x"`
		}](), ".B"},
		{refusal[**int](), "nil"},
		{refusal[*[]int](), "nil"},
		{refusal[map[*int]string](), "keys"},
		{refusal[struct{ P []*map[string]int }](), ".P[i]"},
		{refusal[struct{ L Lock }](), ".L"},
		{refusal[Lock](), "pointer"},
		{refusal[struct{ Q []Queue[int] }](), ".Q[i]"},
		{refusal[Process[int]](), ""},
		{refusal[*Process[int]](), ""},
		{refusal[Child](), "interface"},
	} {
		if !errors.Is(c.err, ErrType) || !strings.Contains(fmt.Sprint(c.err), c.names) {
			t.Errorf("%v: want ErrType, and %q", c.err, c.names)
		}
	}
	if err := refusal[struct{ L *Lock }](); !errors.Is(err, ErrSharing) {
		t.Error(err)
	}
	if err := refusal[struct {
		A []int  `json:"a"`
		B string `json:",omitempty"`
	}](); err != nil {
		t.Error(err)
	}
}

// Nobody but a child of this program writes what is decoded; but what it writes may be cut short.
func FuzzDecode(f *testing.F) {
	c, s, l := newCodec[sample]("f", false), newCodec[[]int32]("f", false), newCodec[*list]("f", false)
	data, _ := c.encode(nil, sample{Name: "x", Map: map[string][]int{"a": {1}}, Ptr: &Inner{}}, nil)
	f.Add(data)
	f.Add([]byte{1, 2, 3, 4, 5})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if x, err := c.decode(data, nil); err == nil {
			if _, err := again(t, x); err != nil && !strings.Contains(err.Error(), "time") {
				t.Errorf("%#v was decoded, and cannot be encoded: %v", x, err)
			}
		}
		_, _ = s.decode(data, nil)
		_, _ = l.decode(data, nil)
		_, _ = newCodec[int]("f", false).decode(data, nil)
	})
}
