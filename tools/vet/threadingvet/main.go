// Threadingvet finds mistakes in programs that use the threading toolkit. See
// package [github.com/gothreading/threading/tools/vet].
package main

import (
	"flag"

	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/gothreading/threading/tools/vet"
)

func main() {
	flag.BoolFunc("sync", "look at the locks of package sync too (heldreturn, relock)", func(text string) error {
		for _, a := range vet.Analyzers() {
			if f := a.Flags.Lookup("sync"); f != nil {
				if err := f.Value.Set(text); err != nil {
					return err
				}
			}
		}
		return nil
	})
	multichecker.Main(vet.Analyzers()...)
}
