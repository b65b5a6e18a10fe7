package diagnose

import (
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// WriteTo writes the report as text, much as Java's thread dumps are written.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, r.String())
	return int64(n), err
}

// String returns the text of the report.
func (r *Report) String() string {
	var b strings.Builder
	r.head(&b)
	for _, f := range r.Findings {
		b.WriteString("\n" + f.text())
	}
	for _, o := range r.Objects {
		b.WriteByte('\n')
		o.text(&b)
	}
	for _, p := range r.Pools {
		b.WriteByte('\n')
		p.text(&b)
	}
	if len(r.Threads) > 0 {
		fmt.Fprintf(&b, "\nthreads   %d\n", len(r.Threads))
		for _, p := range r.Threads {
			doing := "at " + site(p.Now)
			if p.Form != "" {
				doing = "waits in " + p.Form + " for " + p.Object
			}
			fmt.Fprintf(&b, "    %-20s %s\n", p.who(), doing)
		}
	}
	return b.String()
}

func (r *Report) head(b *strings.Builder) {
	waits, held := 0, 0
	for _, o := range r.Objects {
		waits += len(o.Waiters)
		if len(o.Holders) > 0 && !strings.HasPrefix(o.Type, "thread.") && !strings.HasPrefix(o.Type, "pool.") {
			held++
		}
	}
	fmt.Fprintf(b, "threading %s  ", r.Time.Format("2006-01-02 15:04:05.000"))
	if r.Full {
		fmt.Fprintf(b, "full  %s, %d wait, %s held", count(r.Goroutines, "goroutine"), waits, count(held, "lock"))
	} else {
		fmt.Fprintf(b, "%s, %d wait", count(r.Goroutines, "goroutine"), waits)
	}
	fmt.Fprintf(b, ", paused %s\n", span(r.Pause))
	if !r.Full {
		b.WriteString("who holds what is known in a build with -tags threadingdebug\n")
	}
}

// headings are how findings begin.
var headings = map[Kind]string{
	Deadlock: "DEADLOCK", Hopeless: "HOPELESS", Abandoned: "ABANDONED", Order: "MAY DEADLOCK",
	Unfinished: "UNFINISHED", SelfWait: "SELF WAIT", Long: "LONG",
}

func (f *Finding) text() string {
	var b strings.Builder
	certain := ""
	if f.Certain {
		certain = ", certain"
	}
	fmt.Fprintf(&b, "%s%s: %s\n", headings[f.Kind], certain, f.Text)
	for _, p := range f.Steps {
		switch {
		case f.Kind == Order:
			fmt.Fprintf(&b, "  %s  locked %s\n      at %s, then at %s\n", p.who(), p.Object, site(p.At), site(p.Now))
		case p.Form != "":
			fmt.Fprintf(&b, "  %s  waits%s in %s for %s\n      at %s\n", p.who(), lasting(p.Since), p.Form, p.Object, site(p.At))
		default:
			fmt.Fprintf(&b, "    which %s holds%s%s\n", p.who(), lasting(p.Since), p.places())
		}
	}
	return b.String()
}

func (o *Object) text(b *strings.Builder) {
	b.WriteString(o.String())
	if o.State != "" {
		b.WriteString("   " + o.State)
	}
	if o.Type == "queue.Queue" && (o.Len > 0 || o.Cap > 0 || o.Unfinished > 0) {
		if o.Cap > 0 {
			fmt.Fprintf(b, "   %d of %d items, %d unfinished", o.Len, o.Cap, o.Unfinished)
		} else {
			fmt.Fprintf(b, "   %s, %d unfinished", count(o.Len, "item"), o.Unfinished)
		}
	}
	b.WriteByte('\n')
	for _, p := range o.Holders {
		fmt.Fprintf(b, "    held%s by %s%s\n", lasting(p.Since), p.who(), p.places())
	}
	for _, p := range o.Waiters {
		fmt.Fprintf(b, "    %-18s %-16s %8s   %s%s\n", p.who(), p.form(), span(p.Since), p.ends(), site(p.At))
	}
}

// String returns the type, the name and the address.
func (o *Object) String() string {
	s := o.Type
	if o.Name != "" {
		s += fmt.Sprintf(" %q", o.Name)
	}
	if o.Address != "" {
		s += " " + o.Address
	}
	return s
}

func (p *Pool) text(b *strings.Builder) {
	fmt.Fprintf(b, "pool %s   %s: %d running, %d lent, %d queued\n", p.Name, count(p.Workers, "worker"), p.Running, p.Lent, p.Queued)
	for _, t := range p.Tasks {
		fmt.Fprintf(b, "    %-18s running%s", t.who(), lasting(t.Since))
		if t.Form != "" {
			fmt.Fprintf(b, ", waits in %s for %s", t.Form, t.Object)
		}
		fmt.Fprintf(b, "   %s\n", site(t.Now))
	}
}

// who names a goroutine, and the thread that it is.
func (p *Party) who() (s string) {
	switch {
	case p.Goroutine == 0:
		s = p.Thread
	case p.Thread == "":
		s = fmt.Sprint("goroutine ", p.Goroutine)
	default:
		s = fmt.Sprintf("%s (%d)", p.Thread, p.Goroutine)
	}
	if p.Ended {
		s += " (ended)"
	}
	return s
}

// places says where a holder acquired, and where it is.
func (p *Party) places() (s string) {
	if len(p.At) > 0 {
		s = ", acquired at " + site(p.At)
	}
	if len(p.Now) > 0 {
		s += ", now at " + site(p.Now)
	}
	return s
}

func (p *Party) form() string {
	if p.Limit > 0 {
		return p.Form + " " + p.Limit.String()
	}
	return p.Form
}

// ends says when a wait ends by itself.
func (p *Party) ends() string {
	switch {
	case p.Limit > 0 && p.Since > 0 && p.Since < p.Limit:
		return "ends in " + span(p.Limit-p.Since) + "   "
	case strings.Contains(p.Form, "Context"):
		return "until its context ends   "
	}
	return ""
}

// site is where the innermost of these calls is.
func site(frames []Frame) string {
	if len(frames) == 0 {
		return "?"
	}
	f := frames[0]
	return fmt.Sprintf("%s:%d %s", path.Base(f.File), f.Line, path.Base(f.Func))
}

func lasting(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " since " + span(d)
}

// span is a duration as people read it; none if it is 0, which is not known.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
