package js

import (
	"os"
	"strings"
	"testing"
)

// BenchmarkLoad is what the first touch of a prelude module costs, bytecode at hand.
func BenchmarkLoad(b *testing.B) {
	files, err := os.ReadDir("prelude")
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".js")
		switch name {
		case "core", "probe":
			continue
		}
		b.Run(name, func(b *testing.B) {
			e := New(Config{})
			defer e.Close()
			vm, err := e.NewVM()
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := vm.call(vm.dispatch, intValue(verbModule), vm.newString(name)); err != nil {
					b.Fatal(err)
				}
				vm.arena.restore(vm.template)
			}
		})
	}
}
