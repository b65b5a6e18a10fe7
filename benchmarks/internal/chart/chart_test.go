package chart

import (
	"encoding/xml"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gothreading/threading/benchmarks/internal/growth"
	"github.com/gothreading/threading/benchmarks/internal/report"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

// texts returns what can be read in an SVG, which must be well-formed.
func texts(t *testing.T, c Chart) []string {
	t.Helper()
	var b strings.Builder
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Errorf("%s places something nowhere", c.Name)
	}
	var found []string
	inside := false
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local == "text"
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				found = append(found, string(token))
			}
		}
	}
}

func comparison() report.Report {
	row := func(procs int, ours ...float64) report.Row {
		return report.Row{Name: "Lock: free", Group: "Locks", Procs: procs, Contenders: []report.Contender{
			{Name: "lock.Lock", Nanoseconds: ours},
			{Name: "sync.Mutex", Main: true, Nanoseconds: []float64{10, 10, 10}},
			{Name: "channel", Nanoseconds: []float64{30, 31, 32}},
		}}
	}
	return report.Report{
		Rows:   []report.Row{row(2, 9, 10, 11), row(8, 20, 20, 20)},
		Parked: []report.Parked{{Name: "sync.Cond", Bytes: []float64{2600}}, {Name: "Event.Wait", Ours: true, Bytes: []float64{2700}}},
	}
}

func TestAReportBecomesAChartOfRatiosForEachGOMAXPROCSAndOneOfCostsForEachGroup(t *testing.T) {
	charts := Compare(comparison(), 2)
	var names []string
	for _, c := range charts {
		names = append(names, c.Name)
	}
	if want := []string{"ratios-cpu2", "ratios-cpu8", "cost-locks", "parked-bytes"}; !slices.Equal(names, want) {
		t.Fatalf("the charts are %v, want %v", names, want)
	}
	if got := texts(t, charts[0]); !slices.Contains(got, "Lock: free / sync.Mutex") || slices.Contains(got, "Lock: free / channel") {
		t.Errorf("the ratios show %q, want the main rivals", got)
	}
	if got := texts(t, charts[2]); !slices.Contains(got, "Lock: free: lock.Lock") || !slices.Contains(got, "channel") {
		t.Errorf("the costs show %q, want all contenders", got)
	}
	if got := texts(t, charts[3]); !slices.Contains(got, "Event.Wait") {
		t.Errorf("the memory shows %q", got)
	}
}

func TestCostsAreThoseOfAGOMAXPROCSThatWasMeasured(t *testing.T) {
	r := comparison()
	r.Rows = r.Rows[1:]
	for _, c := range Compare(r, 2) {
		if c.Name == "cost-locks" {
			if got := texts(t, c); !strings.Contains(strings.Join(got, "\n"), "Locks, GOMAXPROCS 8.") {
				t.Errorf("the chart shows %q", got)
			}
			return
		}
	}
	t.Error("no chart of the costs")
}

func TestACurveBecomesAChartWithALineForEachContender(t *testing.T) {
	line := func(name string, y ...float64) growth.Line {
		l := growth.Line{Name: name}
		for i, v := range y {
			l.Points = append(l.Points, growth.Point{Size: 1 << i, Of: stats.Quartiles{Q1: v, Median: v, Q3: v}})
		}
		return l
	}
	charts, err := Growth(growth.Report{Charts: []growth.Chart{
		{Name: "lock", Title: "A lock", X: "goroutines", Y: "ns", Lines: []growth.Line{
			line("ours", 10, 100, 1000), line("theirs", 0, 20, 30), line("none", 0),
		}},
		{Name: "nothing", Lines: []growth.Line{line("zero", 0, 0)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(charts) != 1 || charts[0].Name != "growth-lock" {
		t.Fatalf("%d charts, want one: the other has nothing that a logarithmic axis could show", len(charts))
	}
	got := texts(t, charts[0])
	for _, want := range []string{"A lock", "goroutines", "ours", "theirs", "1000"} {
		if !slices.Contains(got, want) {
			t.Errorf("the chart lacks %q: %q", want, got)
		}
	}
}

func TestChartsAreSavedUnderTheirNames(t *testing.T) {
	folder := t.TempDir() + "/new"
	files, err := Save(folder, Compare(comparison(), 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if len(files) != 4 {
		t.Errorf("%d files, want 4", len(files))
	}
}

func TestADecadeHasALabelAndMoreWhereThereAreFew(t *testing.T) {
	var wide, narrow []string
	for _, tick := range (decades{}).Ticks(0.5, 2_000_000) {
		if tick.Label != "" {
			wide = append(wide, tick.Label)
		}
	}
	if want := []string{"1", "10", "100", "1000", "10k", "100k", "1M"}; !slices.Equal(wide, want) {
		t.Errorf("over six decades: %v, want %v", wide, want)
	}
	for _, tick := range (decades{}).Ticks(0.09, 3) {
		if tick.Label != "" {
			narrow = append(narrow, tick.Label)
		}
	}
	if want := []string{"0.1", "0.2", "0.5", "1", "2"}; !slices.Equal(narrow, want) {
		t.Errorf("over one and a half: %v, want %v", narrow, want)
	}
	if ticks := (decades{}).Ticks(2500, 3300); len(ticks) < 3 {
		t.Errorf("an axis of less than a decade has only the ticks %v", ticks)
	}
	if ticks := (decades{}).Ticks(-1, 1); ticks != nil {
		t.Errorf("ticks below zero: %v", ticks)
	}
}
