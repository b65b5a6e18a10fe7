//go:build threadingdebug

#include "textflag.h"

// func walk(raw *[behind + depth]uintptr)
//
// No frame is read that is not further out than the last and within the stack of the
// goroutine, so whatever the frame pointer is, nothing else is read.
TEXT ·walk(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ raw+0(FP), DI
	MOVQ (TLS), R8
	MOVQ 8(R8), R9 // the end of the stack
	SUBQ $16, R9
	MOVQ SP, R10
	MOVQ BP, SI
	MOVQ $7, CX // behind + depth
next:
	CMPQ SI, R10
	JLS  done
	CMPQ SI, R9
	JHI  done
	MOVQ 8(SI), AX
	MOVQ AX, (DI)
	ADDQ $8, DI
	MOVQ SI, R10
	MOVQ (SI), SI
	DECQ CX
	JNZ  next
done:
	RET
