// Command charts draws what compare and growth have measured and written as JSON.
//
//	go run ./cmd/charts -in compare.json -out ../docs/img
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gothreading/threading/benchmarks/internal/chart"
	"github.com/gothreading/threading/benchmarks/internal/growth"
	"github.com/gothreading/threading/benchmarks/internal/report"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "charts:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("charts", flag.ContinueOnError)
	flags.SetOutput(stderr)
	in := flags.String("in", "", "the file that compare -json or growth -json has written")
	out := flags.String("out", "../docs/img", "the folder for the charts")
	cpu := flags.Int("cpu", 2, "the GOMAXPROCS whose costs are drawn; the ratios are drawn for each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *in == "" || flags.NArg() > 0 {
		return fmt.Errorf("usage: charts -in FILE.json [-out FOLDER] [-cpu N]")
	}
	charts, err := load(*in, *cpu)
	if err != nil {
		return err
	}
	if len(charts) == 0 {
		return fmt.Errorf("%s has nothing to draw", *in)
	}
	files, err := chart.Save(*out, charts)
	for _, file := range files {
		fmt.Fprintln(stdout, file)
	}
	return err
}

// load makes the charts of either kind of file.
func load(file string, procs int) ([]chart.Chart, error) {
	kind, err := report.Read[struct{ Charts json.RawMessage }](file)
	if err != nil {
		return nil, err
	}
	if kind.Charts != nil {
		r, err := report.Read[growth.Report](file)
		if err != nil {
			return nil, err
		}
		return chart.Growth(r)
	}
	r, err := report.Read[report.Report](file)
	if err != nil {
		return nil, err
	}
	return chart.Compare(r, procs), nil
}
