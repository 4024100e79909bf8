#include <setjmp.h>
#include <stdlib.h>

int sigsetjmp(sigjmp_buf buffer, int save_mask) {
    uint64_t value = 0;
    buffer->has_mask = save_mask;
    sigprocmask(SIG_SETMASK, NULL, &buffer->mask);
    if (wasix_stack_checkpoint(&buffer->snapshot, &value) != 0) abort();
    return (int)value;
}

_Noreturn void siglongjmp(sigjmp_buf buffer, int value) {
    if (buffer->has_mask) sigprocmask(SIG_SETMASK, &buffer->mask, NULL);
    wasix_stack_restore(&buffer->snapshot, value == 0 ? 1 : value);
    abort();
}

int setjmp(jmp_buf buffer) {
    return sigsetjmp(buffer, 0);
}

_Noreturn void longjmp(jmp_buf buffer, int value) {
    siglongjmp(buffer, value);
}
