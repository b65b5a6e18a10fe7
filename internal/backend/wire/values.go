package wire

import (
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/sentinel"
)

// How what is more than bytes and numbers travels.

func putError(b []byte, err error) []byte {
	names := sentinel.Names(err)
	b = putUint(b, uint64(len(names)))
	for _, name := range names {
		b = putString(b, name)
	}
	return putString(b, err.Error())
}

func (d *decoder) error() error {
	names := d.strings()
	text := d.string()
	if err := d.end(); err != nil {
		return err
	}
	errs := sentinel.Errors(names)
	if len(errs) == 1 && errs[0].Error() == text {
		return errs[0]
	}
	return &backend.Error{Text: text, Errs: errs}
}

func (d *decoder) strings() (all []string) {
	for n := d.uint(); n > 0 && !d.bad; n-- {
		all = append(all, d.string())
	}
	return all
}

func putFault(b []byte, f *backend.Fault) []byte {
	b = putString(putString(b, f.Type), f.Text)
	b = putBool(b, f.Stack != nil)
	b = putBytes(b, f.Stack)
	b = putUint(b, uint64(len(f.Is)))
	for _, name := range f.Is {
		b = putString(b, name)
	}
	return b
}

func (d *decoder) fault() *backend.Fault {
	f := &backend.Fault{Type: d.string(), Text: d.string()}
	panicked, stack := d.bool(), d.bytes()
	if panicked {
		f.Stack = append([]byte{}, stack...)
	}
	f.Is = d.strings()
	return f
}

func putInfo(b []byte, i backend.Info) []byte {
	b = putString(append(b, kindNumber(i.Kind)), i.Name)
	for _, parties := range [][]backend.Party{i.Holders, i.Waiters} {
		b = putUint(b, uint64(len(parties)))
		for _, p := range parties {
			b = putUint(putString(putString(b, p.Session), p.Label), p.Token)
			b = putInt(b, p.Since.UnixNano())
		}
	}
	return putInt(b, int64(i.Len))
}

func (d *decoder) info() (i backend.Info) {
	i.Kind, i.Name = d.kind(), d.string()
	for _, parties := range []*[]backend.Party{&i.Holders, &i.Waiters} {
		for n := d.uint(); n > 0 && !d.bad; n-- {
			p := backend.Party{Session: d.string(), Label: d.string(), Token: d.uint()}
			p.Since = time.Unix(0, d.int64())
			*parties = append(*parties, p)
		}
	}
	i.Len = d.int()
	return i
}

func putCell(b []byte, c backend.Cell) []byte { return putBytes(putUint(b, c.Rev), c.Value) }

func (d *decoder) cell() backend.Cell { return backend.Cell{Rev: d.uint(), Value: d.bytes()} }

func putPair(b []byte, p backend.Pair) []byte { return putCell(putBytes(b, p.Key), p.Cell) }

func (d *decoder) pair() backend.Pair { return backend.Pair{Key: d.bytes(), Cell: d.cell()} }

func putChange(b []byte, c backend.Change) []byte {
	return putPair(putBool(putBool(b, c.Deleted), c.Resync), c.Pair)
}

func (d *decoder) change() backend.Change {
	return backend.Change{Deleted: d.bool(), Resync: d.bool(), Pair: d.pair()}
}

// A claim is written by grant, since it is one.
func putItem(b []byte, i backend.Item) []byte {
	b = putBytes(append(b, byte(i.Level)), i.Payload)
	return putInt(putString(b, i.Key), int64(i.Window))
}

func (d *decoder) item() backend.Item {
	return backend.Item{Level: int8(d.byte()), Payload: d.bytes(), Key: d.string(), Window: time.Duration(d.int64())}
}
