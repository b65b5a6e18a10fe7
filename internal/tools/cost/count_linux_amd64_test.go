package main

import "testing"

func TestTheKindsOfInstructions(t *testing.T) {
	for _, c := range []struct {
		code string
		want kind
	}{
		{"\xf0\x48\x0f\xb1\x0f", atomic}, // lock cmpxchg [rdi], rcx
		{"\xf0\x0f\xc1\x08", atomic},     // lock xadd [rax], ecx
		{"\x48\x87\x08", atomic},         // xchg [rax], rcx
		{"\x87\x08", atomic},             // xchg [rax], ecx
		{"\x48\x87\xc8", plain},          // xchg rax, rcx
		{"\x90", plain},                  // nop
		{"\x48\x8b\x08", plain},          // mov rcx, [rax]
		{"\x64\x48\x8b\x04\x25", plain},  // mov rax, fs:...
		{"\xcc", breakpoint},             // int3
		{"\x0f\xb1\x0f", plain},          // cmpxchg [rdi], ecx, which is not locked
	} {
		if got := kindOf([]byte(c.code)); got != c.want {
			t.Errorf("% x: kind %d, want %d", c.code, got, c.want)
		}
	}
}
