package process

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
)

// A codec encodes values of one type for another process, which runs the same
// program: so names and types need not be told. What has no pointers is copied
// as it lies in memory, and so are strings, and slices of what has none;
// everything else is CBOR.
type codec[T any] struct {
	form    form
	handles bool
	walk    bool
}

type form uint8

const (
	asMemory form = iota
	asString
	asSlice // a byte that tells nil from empty, and the elements
	asCBOR
)

// newCodec returns the codec of a type. It panics with ErrType if there can be
// none; and with ErrSharing if there are shared objects in it, unless they may
// be.
func newCodec[T any](call string, handles bool) *codec[T] {
	t := reflect.TypeFor[T]()
	s := shapeOf(t)
	switch {
	case s.err != nil:
		panic(fmt.Errorf("process: %s: %w", call, s.err))
	case s.handles && !handles:
		panic(fmt.Errorf("process: %s: %w: there is one in %v", call, ErrSharing, t))
	}
	c := &codec[T]{form: asCBOR, handles: s.handles, walk: s.walk}
	switch {
	case !s.pointers:
		c.form = asMemory
	case reflect.PointerTo(t).Implements(typeMarshal) || reflect.PointerTo(t).Implements(typeBinary):
	case t.Kind() == reflect.String:
		c.form = asString
	case t.Kind() == reflect.Slice && !hasPointers(t.Elem()) && t.Elem().Size() > 0:
		c.form = asSlice
	}
	return c
}

var (
	encoder = sure(cbor.EncOptions{
		Time: cbor.TimeRFC3339Nano, TimeTag: cbor.EncTagRequired, NaNConvert: cbor.NaNConvertPreserveSignal,
		InfConvert: cbor.InfConvertNone,
	}.EncMode())
	decoder = sure(cbor.DecOptions{
		MaxNestedLevels: math.MaxUint16, MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32,
		UTF8: cbor.UTF8DecodeInvalid, FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode())
)

func sure[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// sliceHeader is what a slice begins with, whatever its elements.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// memory returns the bytes of a value without pointers.
func memory[T any](x *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(x)), unsafe.Sizeof(*x)) }

// encode encodes x, behind the bytes of to. The descriptors of shared objects in
// it go into l.
func (c *codec[T]) encode(to []byte, x T, l *luggage) ([]byte, error) {
	if c.form != asCBOR {
		return c.encodeBytes(to, &x), nil
	}
	y := x // which is on the heap; x is not
	data, err := c.encodeCBOR(&y, l)
	if err != nil || len(to) == 0 {
		return data, err
	}
	return append(to, data...), nil
}

// encodeBytes is encode for the other forms.
func (c *codec[T]) encodeBytes(to []byte, x *T) []byte {
	head, data := c.parts(x)
	if len(head) > 0 {
		to = append(slices.Grow(to, len(head)+len(data)), head...)
	}
	return append(to, data...)
}

// parts returns the bytes of a value in one of the other forms, where they are.
func (c *codec[T]) parts(x *T) (head, data []byte) {
	switch c.form {
	case asMemory:
		return nil, memory(x)
	case asString:
		s := *(*string)(unsafe.Pointer(x))
		return nil, unsafe.Slice(unsafe.StringData(s), len(s))
	default:
		h := (*sliceHeader)(unsafe.Pointer(x))
		if h.data == nil {
			return sliceNil, nil
		}
		return sliceThere, unsafe.Slice((*byte)(h.data), c.length(x)-1)
	}
}

// length returns how many bytes these are.
func (c *codec[T]) length(x *T) int {
	switch c.form {
	case asMemory:
		return len(memory(x))
	case asString:
		return len(*(*string)(unsafe.Pointer(x)))
	default:
		return 1 + (*sliceHeader)(unsafe.Pointer(x)).len*int(reflect.TypeFor[T]().Elem().Size())
	}
}

// What is before the elements of a slice.
var sliceNil, sliceThere = []byte{0}, []byte{1}

// encodeCBOR is encode for that form. It is apart because of what its closure
// captures, which is on the heap.
func (c *codec[T]) encodeCBOR(x *T, l *luggage) (data []byte, err error) {
	if c.walk {
		if err := walk(reflect.ValueOf(x).Elem(), 0); err != nil {
			return nil, fmt.Errorf("process: %v: %w", reflect.TypeFor[T](), err)
		}
	}
	do := func() { data, err = encoder.Marshal(x) }
	if c.handles {
		l.with(do)
	} else {
		do()
	}
	if err != nil {
		err = fmt.Errorf("process: %v cannot be encoded: %w", reflect.TypeFor[T](), err)
	}
	return data, err
}

// sized returns nil if n bytes can be a value in memory.
func (c *codec[T]) sized(n int) error {
	if want := int(unsafe.Sizeof(*new(T))); n != want {
		return c.wrong(n)
	}
	return nil
}

// decode is the other direction. It keeps nothing of data.
func (c *codec[T]) decode(data []byte, l *luggage) (x T, err error) {
	switch c.form {
	case asMemory:
		if err := c.sized(len(data)); err != nil {
			return x, err
		}
		copy(memory(&x), data)
		return x, nil
	case asString:
		*(*string)(unsafe.Pointer(&x)) = string(data)
		return x, nil
	case asSlice:
		return c.decodeSlice(data)
	}
	return c.decodeCBOR(data, l)
}

func (c *codec[T]) decodeCBOR(data []byte, l *luggage) (x T, err error) {
	do := func() { err = decoder.Unmarshal(data, &x) }
	if c.handles {
		l.with(do)
	} else {
		do()
	}
	if err != nil {
		err = fmt.Errorf("process: %v cannot be decoded: %w", reflect.TypeFor[T](), err)
	}
	return x, err
}

func (c *codec[T]) decodeSlice(data []byte) (x T, err error) {
	t := reflect.TypeFor[T]()
	size := int(t.Elem().Size())
	if len(data) == 0 || (len(data)-1)%size != 0 {
		return x, c.wrong(len(data))
	}
	if data[0] == 0 {
		return x, nil
	}
	n := (len(data) - 1) / size
	s := reflect.MakeSlice(t, n, n)
	if n > 0 {
		copy(unsafe.Slice((*byte)(s.UnsafePointer()), n*size), data[1:])
	}
	reflect.ValueOf(&x).Elem().Set(s)
	return x, nil
}

// decodeWhereItGoes is decode for a large value that is not CBOR: what has
// arrived is copied once.
func (c *codec[T]) decodeWhereItGoes(m *arrival) (x T, err error) {
	switch n := m.size(); c.form {
	case asMemory:
		if err := c.sized(n); err != nil {
			m.close()
			return x, err
		}
		return x, m.copy(memory(&x))
	case asString:
		data, err := m.take()
		*(*string)(unsafe.Pointer(&x)) = unsafe.String(unsafe.SliceData(data), len(data))
		return x, err
	default:
		size := int(reflect.TypeFor[T]().Elem().Size())
		if (n-1)%size != 0 || m.bytes[0] == 0 {
			m.close()
			return x, c.wrong(n)
		}
		m.bytes = m.bytes[1:]
		data, err := m.take()
		*(*sliceHeader)(unsafe.Pointer(&x)) = sliceHeader{unsafe.Pointer(unsafe.SliceData(data)), len(data) / size, len(data) / size}
		return x, err
	}
}

func (c *codec[T]) wrong(n int) error {
	return fmt.Errorf("process: %d bytes are no %v", n, reflect.TypeFor[T]())
}

// deepest is how deep a value may be nested.
const deepest = 1000

var (
	errDeep   = errors.New("it is nested deeper than 1000, or contains itself")
	errOffset = errors.New("a time whose offset has seconds would come back as another")
	errYear   = errors.New("a time before the year 0 or after 9999 cannot be encoded")
	errZero   = errors.New("the zero time would lose its place, or come back as a nil pointer")
)

// walk looks for what the types do not tell.
func walk(v reflect.Value, depth int) error {
	if depth > deepest {
		return errDeep
	}
	if v.Type() == typeTime {
		return walkTime(v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || isHandle(v.Type()) {
			return nil
		}
		if t, ok := v.Interface().(*time.Time); ok && t.IsZero() {
			return errZero
		}
		return walk(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if !hasPointers(v.Type().Elem()) {
			return nil
		}
		for i := range v.Len() {
			if err := walk(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := walk(it.Key(), depth+1); err != nil {
				return err
			}
			if err := walk(it.Value(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if p := reflect.PointerTo(v.Type()); p.Implements(typeMarshal) || p.Implements(typeBinary) {
			return nil
		}
		for i := range v.NumField() {
			if err := walk(v.Field(i), depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func walkTime(v reflect.Value) error {
	t, ok := v.Interface().(time.Time)
	if !ok {
		return nil
	}
	_, offset := t.Zone()
	switch {
	case offset%60 != 0:
		return errOffset
	case t.IsZero() && offset != 0:
		return errZero
	case t.Year() < 0 || t.Year() > 9999:
		return errYear
	}
	return nil
}
