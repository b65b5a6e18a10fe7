//go:build cgo && !windows

#include <pthread.h>

extern void cthreadCallback(void);

static void *body(void *p) {
	cthreadCallback();
	return p;
}

int cthreadRun(void) {
	pthread_t t;
	int err = pthread_create(&t, 0, body, 0);
	return err ? err : pthread_join(t, 0);
}
