package process

import (
	"encoding/binary"
	"fmt"
	"time"
)

// An order is what a child is told, in the file that it inherits; what it
// reports goes there too. There is no pipe that fills, no goroutine that
// empties it, and no limit.
//
//	header of the report | lengths | order | argument | what the runtime writes when it crashes | report
//
// The report is written before its header. A process killed in between has
// reported nothing.
type order struct {
	Func    string
	Name    string
	Daemon  bool
	Grace   time.Duration
	Parent  Info
	Objects int // descriptors of shared objects that come along
}

const (
	reportHeader = 16
	orderHeader  = 64
	orderStart   = orderHeader + 16
	crashRoom    = 64 << 10
)

// A reportPlace is where things lie in the file.
type reportPlace struct{ crash, report int64 }

func placeOf(order, arg int) reportPlace {
	crash := int64(orderStart+order+arg+7) &^ 7
	return reportPlace{crash, crash + crashRoom}
}

// What a child reports.
const (
	reportNothing = iota // it has not come to it
	reportResult
	reportFailure
)

// writeOrder writes an order and its argument.
func writeOrder(fd int, o *order, arg []byte) (at reportPlace, err error) {
	data, err := encoder.Marshal(o)
	if err != nil {
		return at, err
	}
	head := make([]byte, 16, 16+len(data))
	binary.NativeEndian.PutUint64(head, uint64(len(data)))
	binary.NativeEndian.PutUint64(head[8:], uint64(len(arg)))
	if err := writeAt(fd, append(head, data...), orderHeader); err != nil {
		return at, err
	}
	if err := writeAt(fd, arg, int64(orderStart+len(data))); err != nil {
		return at, err
	}
	return placeOf(len(data), len(arg)), nil
}

// readOrder reads them.
func readOrder(fd int) (o order, arg []byte, at reportPlace, err error) {
	head := make([]byte, 16)
	if err := readAt(fd, head, orderHeader); err != nil {
		return o, nil, at, err
	}
	n, m := binary.NativeEndian.Uint64(head), binary.NativeEndian.Uint64(head[8:])
	size, err := sizeOf(fd)
	if err != nil {
		return o, nil, at, err
	}
	if n > uint64(size) || m > uint64(size) {
		return o, nil, at, fmt.Errorf("process: the order was cut short: %d and %d bytes in %d", n, m, size)
	}
	data := make([]byte, n+m)
	if err := readAt(fd, data, orderStart); err != nil {
		return o, nil, at, err
	}
	if err := decoder.Unmarshal(data[:n], &o); err != nil {
		return o, nil, at, err
	}
	return o, data[n:], placeOf(int(n), int(m)), nil
}

// writeReport reports what became of the function.
func writeReport(fd int, at reportPlace, kind uint32, data []byte) error {
	if err := writeAt(fd, data, at.report); err != nil {
		return err
	}
	head := make([]byte, reportHeader)
	binary.NativeEndian.PutUint32(head, kind)
	binary.NativeEndian.PutUint64(head[8:], uint64(len(data)))
	return writeAt(fd, head, 0)
}

// readReport reads what the process, which has ended, has reported.
func (c *child) readReport() {
	head := make([]byte, reportHeader)
	if readAt(c.report, head, 0) != nil {
		return
	}
	kind, n := binary.NativeEndian.Uint32(head), binary.NativeEndian.Uint64(head[8:])
	size, err := sizeOf(c.report)
	if err != nil {
		return
	}
	if kind != reportNothing && n <= uint64(size) {
		data := make([]byte, n)
		if readAt(c.report, data, c.at.report) != nil {
			return
		}
		if kind == reportResult {
			c.returned, c.result = true, data
			return
		}
		var m message
		if err := decoder.Unmarshal(data, &m); err == nil {
			c.failure = m.error()
		}
		return
	}
	if size > c.at.crash {
		text := make([]byte, min(size-c.at.crash, 1<<20))
		if readAt(c.report, text, c.at.crash) == nil {
			c.crash = untilZero(text)
		}
	}
}

func untilZero(text []byte) string {
	for i, b := range text {
		if b == 0 {
			return string(text[:i])
		}
	}
	return string(text)
}
