package process

import (
	"encoding/binary"
	"time"
	"unsafe"
)

// A batch is a function and its arguments, and what has come of them.
type batch struct {
	id      string
	items   []byte        // each after its length
	count   int           // of them
	luggage *luggage      // nil: it needs none
	results []byte        // each after its length
	have    int           // of them
	busy    time.Duration // that a child has spent on it
}

// batchOf makes a batch of one call.
func batchOf[In, Out any](f *Func[In, Out], in In) (*batch, error) {
	b := &batch{id: f.id}
	if f.in.handles {
		b.luggage = new(luggage)
	}
	data, err := f.in.encode(nil, in, b.luggage)
	if err != nil {
		b.luggage.sent()
		return nil, err
	}
	b.items = make([]byte, 0, binary.MaxVarintLen64+len(data))
	b.add(data)
	return b, nil
}

func (b *batch) add(item []byte) {
	b.items = binary.AppendUvarint(b.items, uint64(len(item)))
	b.items = append(b.items, item...)
	b.count++
}

// left returns the items that have no result yet.
func (b *batch) left() []byte {
	items := b.items
	for range b.have {
		size, n := binary.Uvarint(items)
		items = items[n+int(size):]
	}
	return items
}

// resultHead is how long the length of a result is.
const resultHead = 4

// gain adds a result.
func (b *batch) gain(result []byte) {
	b.results = binary.NativeEndian.AppendUint32(b.results, uint32(len(result)))
	b.results = append(b.results, result...)
	b.have++
}

// cut returns the first of some results, and the others.
func cut(results []byte) (first, others []byte) {
	end := resultHead + int(binary.NativeEndian.Uint32(results))
	return results[resultHead:end:end], results[end:]
}

// holds reports whether the results can be values of that type as they lie in
// memory: each has its size, and there is room for all.
func holds[T any](b *batch, values []T) bool {
	size := resultHead + int(unsafe.Sizeof(*new(T)))
	return b.have > 0 && b.have <= len(values) && len(b.results) == b.have*size
}
