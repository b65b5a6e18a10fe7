// Package report holds what was measured, so that tables and charts can be made again without measuring again.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/meter"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

// A Report is what one run of the command compare measured.
type Report struct {
	Machine Machine  `json:"machine"`
	Rows    []Row    `json:"rows"`
	Parked  []Parked `json:"parked,omitempty"`
}

// A Machine is what one must know of where it was measured.
type Machine struct {
	Go    string    `json:"go"`
	OS    string    `json:"os"`
	Arch  string    `json:"arch"`
	Cores int       `json:"cores"`
	Time  time.Time `json:"time"`
}

// ThisMachine describes where the program runs.
func ThisMachine() Machine {
	return Machine{runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().UTC().Truncate(time.Second)}
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %s/%s, %d cores, %s", m.Go, m.OS, m.Arch, m.Cores, m.Time.Format(time.DateOnly))
}

// A Row is a row at one GOMAXPROCS. The first contender is ours.
type Row struct {
	Name       string      `json:"name"`
	Group      string      `json:"group"`
	Procs      int         `json:"gomaxprocs"`
	Contenders []Contender `json:"contenders"`
}

// A Contender has one sample for each round.
type Contender struct {
	Name        string    `json:"name"`
	Main        bool      `json:"main,omitempty"` // a rival that stands in the chart of ratios
	Nanoseconds []float64 `json:"ns"`
	Allocs      []float64 `json:"allocs"`
	Bytes       []float64 `json:"bytes"`
}

// Parked is what a goroutine costs that waits in some way: bytes, one sample for each round.
type Parked struct {
	Name  string    `json:"name"`
	Ours  bool      `json:"ours,omitempty"`
	Bytes []float64 `json:"bytes"`
}

// NewRow puts together a row and what was measured of it.
func NewRow(row cases.Row, procs int, samples [][]meter.Sample) Row {
	r := Row{Name: row.Name, Group: row.Group, Procs: procs}
	for i, c := range row.Contenders() {
		contender := Contender{Name: c.Name, Main: c.Main}
		for _, s := range samples[i] {
			contender.Nanoseconds = append(contender.Nanoseconds, s.Nanoseconds)
			contender.Allocs = append(contender.Allocs, s.Allocs)
			contender.Bytes = append(contender.Bytes, s.Bytes)
		}
		r.Contenders = append(r.Contenders, contender)
	}
	return r
}

// NewParked puts together ways to wait and what was measured of them.
func NewParked(ways []cases.Waiting, bytes [][]float64) []Parked {
	parked := make([]Parked, len(ways))
	for i, way := range ways {
		parked[i] = Parked{way.Name, way.Ours, bytes[i]}
	}
	return parked
}

// Ratio returns what ours took as a multiple of a rival, from the rounds of both.
func (r Row) Ratio(rival Contender) stats.Quartiles {
	return stats.Of(stats.Ratios(r.Contenders[0].Nanoseconds, rival.Nanoseconds))
}

// Write writes v as JSON into a file.
func Write(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// Read reads JSON from a file.
func Read[T any](file string) (v T, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%s: %w", file, err)
	}
	return v, nil
}
