/* `longjmp` brings back the stack as it was: locals, volatile ones too, have the values they had when
 * `setjmp` was called. */
#ifndef WASIX_SETJMP_H
#define WASIX_SETJMP_H

#include <signal.h>
#include <wasix.h>

typedef struct {
    wasix_snapshot_t snapshot;
    sigset_t mask;
    int has_mask;
} jmp_buf[1], sigjmp_buf[1];

int setjmp(jmp_buf) __attribute__((returns_twice));
int sigsetjmp(sigjmp_buf, int) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf, int);
_Noreturn void siglongjmp(sigjmp_buf, int);
#define _setjmp setjmp
#define _longjmp longjmp

#endif
