package diagnosehttp

import (
	"fmt"
	"html"
	"path"
	"strings"
	"time"

	"github.com/gothreading/threading/diagnose"
)

// A page is a report as HTML. It is written by hand, as net/http/pprof's are:
// html/template adds 4 MB to a program. Whatever comes from the program is escaped.
type page struct {
	report  *diagnose.Report
	refresh int  // seconds; 0: not
	crowded bool // too many goroutines to refresh
	canAsk  bool // the runtime can look for goroutines that nothing can wake
	strings.Builder
}

const style = `
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5em auto; max-width: 75em; padding: 0 1em; color: #1d2129; background: #fff }
h1 { font-size: 1.3em; margin: 0 } h2 { font-size: 1.1em; margin: 1.6em 0 .4em }
.sub { color: #5a6270; margin: .2em 0 1em } a { color: #0b57d0 }
.finding { border-left: .4em solid #c9a227; background: #fff8e1; padding: .6em 1em; margin: .7em 0 }
.certain { border-color: #b3261e; background: #fdecea }
.finding svg { display: block; max-width: 100%; height: auto } .kind { font-weight: 700 }
table { border-collapse: collapse; width: 100% } th { text-align: left; font-weight: 600 }
th, td { padding: .3em .8em .3em 0; border-bottom: 1px solid #e3e6ea; vertical-align: top }
code, pre { font: 13px/1.4 ui-monospace, monospace } pre { margin: .3em 0; overflow-x: auto }
td.n { text-align: right; white-space: nowrap } details summary { cursor: pointer }
@media (prefers-color-scheme: dark) {
 body { color: #e3e6ea; background: #16181d } .sub { color: #9aa3b2 } a { color: #8ab4f8 } th, td { border-color: #333843 }
 .finding { background: #332b12 } .certain { background: #3b1917 } svg text { fill: #e3e6ea } svg rect { fill: #16181d }
}
`

func (p *page) f(format string, args ...any) { fmt.Fprintf(&p.Builder, format, args...) }

func (p *page) html() string {
	r := p.report
	p.f("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n")
	p.f("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n")
	if p.refresh > 0 {
		p.f("<meta http-equiv=\"refresh\" content=\"%d\"/>\n", p.refresh)
	}
	p.f("<title>threading: %s</title>\n<style>%s</style>\n</head>\n<body>\n", summary(r), style)
	p.f("<h1>Who waits for what</h1>\n<p class=\"sub\">%s, %d goroutines, the world stood still for %s. %s</p>\n",
		r.Time.Format("2006-01-02 15:04:05.000"), r.Goroutines, r.Pause.Round(10*time.Microsecond), fullness(r))
	p.links()
	p.findings()
	p.objects()
	p.pools()
	p.threads()
	p.f("</body>\n</html>\n")
	return p.String()
}

func summary(r *diagnose.Report) string {
	if len(r.Findings) == 0 {
		return "nothing found"
	}
	return html.EscapeString(fmt.Sprintf("%d found, %s", len(r.Findings), r.Findings[0].Kind))
}

func fullness(r *diagnose.Report) string {
	if r.Full {
		return "Built with the tag <code>threadingdebug</code>."
	}
	return "Who holds what is known in a build with <code>-tags threadingdebug</code>."
}

func (p *page) links() {
	p.f("<p><a href=\"?format=text\">text</a> · <a href=\"?format=json\">JSON</a> · <a href=\"?\">again</a>")
	switch {
	case p.crowded:
		p.f(" (which stops the world for some %s)", (time.Duration(p.report.Goroutines) * 5 * time.Microsecond).Round(time.Millisecond))
	case p.refresh == 0:
		p.f(" · <a href=\"?refresh=2\">every 2 s</a>")
	}
	if p.canAsk {
		p.f(" · <a href=\"?leak=1\">what can nothing wake?</a>")
	}
	p.f("</p>\n")
}

func (p *page) findings() {
	p.f("<h2>Found</h2>\n")
	if len(p.report.Findings) == 0 {
		p.f("<p>Nothing.</p>\n")
	}
	for _, f := range p.report.Findings {
		class, certain := "finding", ""
		if f.Certain {
			class, certain = "finding certain", ", certain"
		}
		p.f("<div class=\"%s\">\n<p><span class=\"kind\">%s%s</span>: %s</p>\n", class, html.EscapeString(string(f.Kind)), certain, html.EscapeString(f.Text))
		if f.Kind == diagnose.Deadlock && len(f.Steps) <= 2*8 {
			p.cycle(f.Steps)
		}
		if len(f.Steps) > 0 {
			p.f("<details><summary>where</summary>\n")
			for _, s := range f.Steps {
				p.f("<p>%s: %s</p>\n", who(s), html.EscapeString(s.Object))
				p.stack("at", s.At)
				p.stack("now", s.Now)
			}
			p.f("</details>\n")
		}
		p.f("</div>\n")
	}
}

// cycle draws who waits for whom: one row for each goroutine, and for what it waits.
func (p *page) cycle(steps []diagnose.Party) {
	const row, width = 56, 720
	n := len(steps) / 2
	height := n*row + 10
	p.f("<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"the cycle\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n", width, height, width)
	p.f("<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#b3261e\"/></marker></defs>\n")
	for i := range n {
		y := i*row + 10
		p.f("<rect x=\"60\" y=\"%d\" width=\"220\" height=\"30\" rx=\"6\" fill=\"#fff\" stroke=\"#b3261e\"/><text x=\"72\" y=\"%d\">%s</text>\n", y, y+20, who(steps[2*i]))
		p.f("<text x=\"292\" y=\"%d\">waits for %s</text>\n", y+20, html.EscapeString(steps[2*i].Object))
		if i < n-1 {
			p.f("<path d=\"M170 %dL170 %d\" stroke=\"#b3261e\" fill=\"none\" marker-end=\"url(#arrow)\"/><text x=\"182\" y=\"%d\">which is held by</text>\n", y+30, y+row, y+row-9)
		}
	}
	last := (n-1)*row + 25
	p.f("<path d=\"M60 %dC5 %d 5 25 60 25\" stroke=\"#b3261e\" fill=\"none\" marker-end=\"url(#arrow)\"/>\n</svg>\n", last, last)
}

func (p *page) objects() {
	p.f("<h2>Held or waited for</h2>\n")
	if len(p.report.Objects) == 0 {
		p.f("<p>Nothing.</p>\n")
		return
	}
	p.f("<table>\n<tr><th>what</th><th>held by</th><th>who waits</th><th>call</th><th>since</th><th>where</th></tr>\n")
	for _, o := range p.report.Objects {
		rows := max(len(o.Waiters), 1)
		p.f("<tr><td rowspan=\"%d\">%s%s</td><td rowspan=\"%d\">", rows, html.EscapeString(o.String()), state(o), rows)
		for _, h := range o.Holders {
			p.f("%s%s", who(h), since(h.Since))
			p.stack("acquired", h.At)
			p.stack("now", h.Now)
		}
		p.f("</td>")
		for i, w := range o.Waiters {
			if i > 0 {
				p.f("<tr>")
			}
			p.f("<td>%s</td><td>%s</td><td class=\"n\">%s</td><td>", who(w), html.EscapeString(call(w)), duration(w.Since))
			p.stack("", w.At)
			p.f("</td></tr>\n")
		}
		if len(o.Waiters) == 0 {
			p.f("<td></td><td></td><td></td><td></td></tr>\n")
		}
	}
	p.f("</table>\n")
}

func state(o diagnose.Object) (s string) {
	if o.State != "" {
		s = "<br/>" + html.EscapeString(o.State)
	}
	if o.Cap > 0 || o.Len > 0 || o.Unfinished > 0 {
		s += fmt.Sprintf("<br/>%d items", o.Len)
		if o.Cap > 0 {
			s += fmt.Sprintf(" of %d", o.Cap)
		}
		s += fmt.Sprintf(", %d unfinished", o.Unfinished)
	}
	return s
}

func (p *page) pools() {
	if len(p.report.Pools) == 0 {
		return
	}
	p.f("<h2>Pools</h2>\n<table>\n<tr><th>pool</th><th>workers</th><th>running</th><th>lent</th><th>queued</th><th>tasks that run</th></tr>\n")
	for _, o := range p.report.Pools {
		p.f("<tr><td>%s</td><td>%d</td><td>%d</td><td>%d</td><td>%d</td><td>", html.EscapeString(o.Name), o.Workers, o.Running, o.Lent, o.Queued)
		for _, t := range o.Tasks {
			p.f("%s%s", who(t), since(t.Since))
			if t.Form != "" {
				p.f(", waits in %s for %s", html.EscapeString(t.Form), html.EscapeString(t.Object))
			}
			p.stack("now", t.Now)
		}
		p.f("</td></tr>\n")
	}
	p.f("</table>\n")
}

func (p *page) threads() {
	if len(p.report.Threads) == 0 {
		return
	}
	p.f("<h2>Threads</h2>\n<table>\n<tr><th>thread</th><th>waits in</th><th>for</th><th>where</th></tr>\n")
	for _, t := range p.report.Threads {
		p.f("<tr><td>%s</td><td>%s</td><td>%s</td><td>", who(t), html.EscapeString(t.Form), html.EscapeString(t.Object))
		p.stack("", t.Now)
		p.f("</td></tr>\n")
	}
	p.f("</table>\n")
}

// stack shows the innermost call, and the others when that is opened.
func (p *page) stack(what string, frames []diagnose.Frame) {
	if len(frames) == 0 {
		return
	}
	if what != "" {
		what += " "
	}
	p.f("<details><summary>%s<code>%s</code></summary><pre>", what, html.EscapeString(place(frames[0])))
	for _, f := range frames {
		p.f("%s\n    %s:%d\n", html.EscapeString(f.Func), html.EscapeString(f.File), f.Line)
	}
	p.f("</pre></details>\n")
}

func place(f diagnose.Frame) string {
	return fmt.Sprintf("%s:%d %s", path.Base(f.File), f.Line, path.Base(f.Func))
}

func who(t diagnose.Party) string {
	s := fmt.Sprintf("goroutine %d", t.Goroutine)
	if t.Thread != "" {
		s = fmt.Sprintf("%s (%d)", t.Thread, t.Goroutine)
	}
	if t.Ended {
		s += " (ended)"
	}
	return html.EscapeString(s)
}

func call(t diagnose.Party) string {
	switch {
	case t.Limit > 0:
		return fmt.Sprintf("%s %v", t.Form, t.Limit)
	case strings.Contains(t.Form, "Context"):
		return t.Form + ", until its context ends"
	}
	return t.Form
}

func since(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " since " + duration(d)
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	if d > time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
