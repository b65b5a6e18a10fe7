// Package chart draws what was measured as SVG.
package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/gothreading/threading/benchmarks/internal/growth"
	"github.com/gothreading/threading/benchmarks/internal/report"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

func init() {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	plotter.DefaultFont = plot.DefaultFont
}

// A Chart is ready to be written.
type Chart struct {
	Name          string
	plot          *plot.Plot
	width, height vg.Length
}

// fonts are those for whose metrics the text is laid out, so that a machine without the first shows it in its place too.
const fonts = "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"

// WriteTo writes the chart as SVG.
func (c Chart) WriteTo(w io.Writer) (int64, error) {
	canvas := vgsvg.New(c.width, c.height)
	c.plot.Draw(draw.New(canvas))
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return 0, err
	}
	n, err := w.Write(family.ReplaceAll(svg.Bytes(), []byte(fonts)))
	return int64(n), err
}

var family = regexp.MustCompile(`font-family:Liberation Sans;`)

// Save writes charts into a folder, each as NAME.svg, and returns the names of the files.
func Save(folder string, charts []Chart) ([]string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	var files []string
	for _, c := range charts {
		file := filepath.Join(folder, c.Name+".svg")
		f, err := os.Create(file)
		if err != nil {
			return files, err
		}
		_, err = c.WriteTo(f)
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return files, fmt.Errorf("%s: %w", file, err)
		}
		files = append(files, file)
	}
	return files, nil
}

// The colours are those of Okabe and Ito, which people who confuse colours can tell apart; the shapes differ too.
var (
	blue      = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	green     = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	vermilion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	orange    = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	purple    = color.RGBA{0xcc, 0x79, 0xa7, 0xff}
	grey      = color.RGBA{0x80, 0x80, 0x80, 0xff}
	pale      = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
)

// A look is how a dot and its legend are drawn.
type look struct {
	name  string
	color color.Color
	shape draw.GlyphDrawer
}

var (
	lookLess  = look{"less", green, draw.CircleGlyph{}}
	lookSame  = look{"about the same", blue, draw.SquareGlyph{}}
	lookMore  = look{"more", vermilion, draw.PyramidGlyph{}}
	lookOurs  = look{"this toolkit", blue, draw.CircleGlyph{}}
	lookRival = look{"rivals", orange, draw.SquareGlyph{}}
)

// A dot is one line of a chart of dots: a median between its quartiles, and marks to compare it with.
type dot struct {
	label string
	of    stats.Quartiles
	look  look
	marks []float64
}

// dots draws lines from top to bottom over a logarithmic axis: on such an axis a bar would have no length.
type dots []dot

func (d dots) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax = math.Inf(1), math.Inf(-1)
	for _, line := range d {
		for _, x := range append([]float64{line.of.Q1, line.of.Median, line.of.Q3}, line.marks...) {
			if x > 0 && !math.IsInf(x, 0) {
				xmin, xmax = min(xmin, x), max(xmax, x)
			}
		}
	}
	return xmin, xmax, -0.5, float64(len(d)) - 0.5
}

func (d dots) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	for i, line := range d {
		if line.label == "" {
			continue
		}
		y := toY(float64(len(d) - 1 - i))
		c.StrokeLine2(draw.LineStyle{Color: pale, Width: 0.5}, c.Min.X, y, c.Max.X, y)
		for _, mark := range line.marks {
			if mark > 0 {
				x := toX(mark)
				c.StrokeLine2(draw.LineStyle{Color: color.Black, Width: 1}, x, y-4, x, y+4)
			}
		}
		if !(line.of.Q1 > 0) || math.IsInf(line.of.Q3, 0) {
			continue
		}
		c.StrokeLine2(draw.LineStyle{Color: line.look.color, Width: 2}, toX(line.of.Q1), y, toX(line.of.Q3), y)
		c.DrawGlyph(draw.GlyphStyle{Color: line.look.color, Radius: 3, Shape: line.look.shape},
			vg.Point{X: toX(line.of.Median), Y: y})
	}
}

func (l look) Thumbnail(c *draw.Canvas) {
	c.DrawGlyph(draw.GlyphStyle{Color: l.color, Radius: 3, Shape: l.shape}, c.Center())
}

func chartOfDots(name, title, x string, lines dots, looks []look) Chart {
	for range looks {
		lines = append(dots{{}}, lines...) // room for the legend
	}
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = title
	p.Title.Padding = 6
	p.X.Label.Text = x
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = decades{}
	p.Add(lines)
	p.X.Min, p.X.Max = p.X.Min*0.8, p.X.Max*1.25
	p.Y.Min, p.Y.Max = -0.5, float64(len(lines))-0.5
	labels := make([]plot.Tick, len(lines))
	for i, line := range lines {
		labels[i] = plot.Tick{Value: float64(len(lines) - 1 - i), Label: line.label}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(labels)
	p.Y.Tick.Length = 0
	p.Y.LineStyle.Width = 0
	p.Legend.Top = true
	for _, l := range looks {
		p.Legend.Add(l.name, l)
	}
	return Chart{name, p, 640, vg.Length(70 + 15*len(lines))}
}

// Compare returns the charts of a report: one of the ratios for each GOMAXPROCS, and, for each group of rows, one of the
// costs at the GOMAXPROCS asked for, or, if it was not measured, the first that was.
func Compare(r report.Report, procs int) []Chart {
	var (
		charts []Chart
		all    []int
		groups []string
		seen   = map[string]bool{}
	)
	for _, row := range r.Rows {
		if key := fmt.Sprint(row.Procs); !seen[key] {
			seen[key] = true
			all = append(all, row.Procs)
		}
		if !seen[row.Group] {
			seen[row.Group] = true
			groups = append(groups, row.Group)
		}
	}
	for _, p := range all {
		var lines dots
		for _, row := range r.Rows {
			if row.Procs == p {
				lines = append(lines, ratios(row)...)
			}
		}
		if len(lines) == 0 {
			continue
		}
		charts = append(charts, chartOfDots(fmt.Sprintf("ratios-cpu%d", p),
			fmt.Sprintf("What this toolkit takes, as a multiple of its rivals, GOMAXPROCS %d.\n"+
				"Median and quartiles of the rounds; the strokes are at 1. Less is better.", p),
			"ratio",
			lines, []look{lookLess, lookSame, lookMore}))
	}
	if len(all) > 0 && !seen[fmt.Sprint(procs)] {
		procs = all[0]
	}
	for _, group := range groups {
		var lines dots
		for _, row := range r.Rows {
			if row.Procs == procs && row.Group == group {
				lines = append(lines, costs(row)...)
			}
		}
		if len(lines) == 0 {
			continue
		}
		name := "cost-" + strings.ReplaceAll(strings.ToLower(group), " ", "-")
		charts = append(charts, chartOfDots(name, fmt.Sprintf("%s, GOMAXPROCS %d. Median and quartiles of the rounds. Less is better.", group, procs),
			"ns an operation", lines, []look{lookOurs, lookRival}))
	}
	if len(r.Parked) > 0 {
		charts = append(charts, parked(r.Parked))
	}
	return charts
}

// alike is how far from 1 a ratio may be on a machine that others use, and mean nothing.
const alike = 1.15

// ratios are those of the main rivals.
func ratios(row report.Row) (lines dots) {
	for _, rival := range row.Contenders[1:] {
		if !rival.Main {
			continue
		}
		q := row.Ratio(rival)
		d := dot{row.Name + " / " + rival.Name, q, lookSame, []float64{1}}
		switch {
		case q.Median*alike < 1:
			d.look = lookLess
		case q.Median > alike:
			d.look = lookMore
		}
		lines = append(lines, d)
	}
	return lines
}

func costs(row report.Row) (lines dots) {
	for i, c := range row.Contenders {
		d := dot{c.Name, stats.Of(c.Nanoseconds), lookRival, nil}
		if i == 0 {
			d.label, d.look = row.Name+": "+c.Name, lookOurs
		}
		lines = append(lines, d)
	}
	return lines
}

func parked(ways []report.Parked) Chart {
	var lines dots
	for _, way := range ways {
		d := dot{way.Name, stats.Of(way.Bytes), lookRival, nil}
		if way.Ours {
			d.look = lookOurs
		}
		lines = append(lines, d)
	}
	return chartOfDots("parked-bytes", "Memory of a goroutine that waits, its stack included", "bytes", lines,
		[]look{lookOurs, lookRival})
}

// Growth returns the charts of a report of growth.
func Growth(r growth.Report) ([]Chart, error) {
	looks := []look{
		{"", blue, draw.CircleGlyph{}}, {"", orange, draw.SquareGlyph{}}, {"", green, draw.PyramidGlyph{}},
		{"", purple, draw.RingGlyph{}}, {"", vermilion, draw.CrossGlyph{}}, {"", grey, draw.PlusGlyph{}},
	}
	var charts []Chart
	for _, c := range r.Charts {
		p := plot.New()
		p.Title.Text = c.Title
		p.Title.Padding = 6
		p.X.Label.Text, p.Y.Label.Text = c.X, c.Y
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = decades{}, decades{}
		p.Add(plotter.NewGrid())
		p.Legend.Top = true
		p.Legend.Left = true
		for i, l := range c.Lines {
			var points plotter.XYs
			for _, point := range l.Points {
				if point.Of.Median > 0 { // a logarithmic axis has no zero
					points = append(points, plotter.XY{X: float64(point.Size), Y: point.Of.Median})
				}
			}
			if len(points) == 0 {
				continue
			}
			line, dots, err := plotter.NewLinePoints(points)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.Name, l.Name, err)
			}
			look := looks[i%len(looks)]
			line.Color, line.Width = look.color, 1.5
			dots.Color, dots.Shape, dots.Radius = look.color, look.shape, 3
			p.Add(line, dots)
			p.Legend.Add(l.Name, line, dots)
		}
		if !(p.Y.Min > 0) || math.IsInf(p.Y.Min, 0) {
			continue // nothing to draw
		}
		// A whole decade at least, and room for the legend.
		p.Y.Min = math.Pow(10, math.Floor(math.Log10(p.Y.Min)))
		p.Y.Max = math.Pow(10, math.Ceil(math.Log10(p.Y.Max*2)))
		charts = append(charts, Chart{"growth-" + c.Name, p, 480, 320})
	}
	return charts, nil
}

// decades are the ticks of a logarithmic axis: labels at 1, 10, 100, and at 2 and 5 too where a label would be rare.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	if !(low > 0) || !(high > low) {
		return nil
	}
	few := math.Log10(high/low) < 2
	var ticks []plot.Tick
	for exp := math.Floor(math.Log10(low)); exp <= math.Ceil(math.Log10(high)); exp++ {
		for digit := 1; digit < 10; digit++ {
			t := plot.Tick{Value: float64(digit) * math.Pow(10, exp)}
			if t.Value < low*0.999 || t.Value > high*1.001 {
				continue
			}
			if digit == 1 || few && (digit == 2 || digit == 5) {
				t.Label = label(t.Value)
			}
			ticks = append(ticks, t)
		}
	}
	labels := 0
	for _, t := range ticks {
		if t.Label != "" {
			labels++
		}
	}
	if labels < 2 { // the axis is so short that it is nearly linear
		return plot.DefaultTicks{}.Ticks(low, high)
	}
	return ticks
}

// label writes 0.01, 1, 1000, 10k, 1M.
func label(x float64) string {
	switch {
	case x >= 999_999:
		return fmt.Sprintf("%.4gM", x/1e6)
	case x >= 9_999:
		return fmt.Sprintf("%.4gk", x/1e3)
	}
	return fmt.Sprintf("%.4g", x)
}
