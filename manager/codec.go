package manager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/gothreading/threading/internal/backend"
)

// A Codec turns values into bytes and back. Values pass it on every backend,
// "mem:" too, so each is a copy: to change a value in place changes nothing for
// others, and what a codec drops, such as the unexported fields of a struct, is
// gone. The default is JSON. Values of type []byte are stored as they are.
type Codec interface {
	Name() string
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

type jsonCodec struct{}

func (jsonCodec) Name() string                       { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// encode turns v into bytes that are not shared.
func encode[T any](c Codec, v T) ([]byte, error) {
	if raw, ok := any(v).([]byte); ok {
		return append([]byte{}, raw...), nil
	}
	data, err := c.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("manager: a value of type %T: %w", v, err)
	}
	return data, nil
}

// decode is its inverse. What is in data stays as it is.
func decode[T any](c Codec, data []byte) (v T, err error) {
	if raw, ok := any(&v).(*[]byte); ok {
		*raw = append([]byte{}, data...)
		return v, nil
	}
	if err := c.Unmarshal(data, &v); err != nil {
		var none T
		return none, &backend.Error{
			Text: fmt.Sprintf("manager: what is stored is no %s: %v", reflect.TypeFor[T](), err),
			Errs: []error{errUndecodable, err},
		}
	}
	return v, nil
}

// errUndecodable is a part of such an error.
var errUndecodable = errors.New("manager: undecodable")

// A keyCodec turns the keys of a dict into bytes, equal ones into equal bytes.
// Strings of the default codec are stored as they are.
type keyCodec[K comparable] struct {
	codec Codec
	plain bool // stored as they are
	sure  bool // need no proof: integers and bools as JSON
}

func newKeyCodec[K comparable](c Codec) keyCodec[K] {
	t := reflect.TypeFor[K]()
	if why := unfit(t); why != "" {
		panic(backend.Errorf(backend.ErrValue, "NewDict with keys of type %s: equal keys need equal bytes, and %s", t, why))
	}
	_, isDefault := c.(jsonCodec)
	scalar := t.Kind() != reflect.Array && t.Kind() != reflect.Struct && t.NumMethod() == 0
	return keyCodec[K]{c, isDefault && t.Kind() == reflect.String, isDefault && scalar}
}

// unfit says what keeps values of t from having equal bytes when they are equal,
// and different ones when they are not.
func unfit(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return ""
	case reflect.Array:
		return unfit(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() || f.Tag.Get("json") == "-" {
				return fmt.Sprintf("its field %s is not encoded", f.Name)
			}
			if why := unfit(f.Type); why != "" {
				return why
			}
		}
		return ""
	}
	return fmt.Sprintf("a %s has not: use strings, integers, bools, arrays and structs of them", t.Kind())
}

// encode returns an error for a key that does not come back as it was, such as a
// struct with a string that JSON cannot hold.
func (c keyCodec[K]) encode(k K) ([]byte, error) {
	if c.plain {
		return []byte(reflect.ValueOf(k).String()), nil
	}
	data, err := c.codec.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("manager: a key of type %T: %w", k, err)
	}
	if c.sure {
		return data, nil
	}
	var back K
	if err := c.codec.Unmarshal(data, &back); err != nil || back != k {
		return nil, backend.Errorf(backend.ErrValue, "the key %v of type %T does not survive the codec %q", k, k, c.codec.Name())
	}
	if again, err := c.codec.Marshal(k); err != nil || !bytes.Equal(again, data) {
		return nil, backend.Errorf(backend.ErrValue, "the codec %q encodes the key %v of type %T differently each time", c.codec.Name(), k, k)
	}
	return data, nil
}

func (c keyCodec[K]) decode(data []byte) (k K, err error) {
	if c.plain {
		reflect.ValueOf(&k).Elem().SetString(string(data))
		return k, nil
	}
	return decode[K](c.codec, data)
}
