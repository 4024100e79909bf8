/* setjmp and longjmp. */
#include "unix.h"

static jmp_buf top, inner;
static int global;

__attribute__((noinline)) static void jump(int levels, int value) {
    if (levels == 0) longjmp(top, value);
    jump(levels - 1, value);
    global = -1;
}

static int sum(int n) {
    return n == 0 ? 0 : n + sum(n - 1);
}

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    const int kept = 42;
    int value = setjmp(top);
    if (value == 0) {
        report("stack_checkpoint first", 0);
        global = 7;
        jump(0, 5);
    }
    report_value("stack_restore value", 0, "%d %d, global %d", value, kept, global);

    value = setjmp(top);
    if (value == 0) jump(30, 6);
    report_value("stack_restore from the depth", 0, "%d, global %d", value, global);
    report_value("stack_restore the stack works", 0, "%d", sum(100));

    value = setjmp(top);
    if (value == 0) jump(0, 0);
    report_value("stack_restore zero becomes one", 0, "%d", value);

    static int rounds;
    rounds = 0;
    value = setjmp(top);
    rounds++;
    if (value < 5) jump(2, value + 1);
    report_value("stack_restore again and again", 0, "%d, %d rounds", value, rounds);

    value = setjmp(top);
    if (value == 0) {
        int below = setjmp(inner);
        if (below == 0) longjmp(inner, 3);
        longjmp(top, below + 10);
    }
    report_value("stack_restore one within another", 0, "%d", value);

    value = setjmp(top);
    if (value == 0) {
        pid_t child = fork();
        if (child == 0) longjmp(top, 77);
        int status;
        must(waitpid(child, &status, 0));
        report_value("stack_restore in a child", 0, "%s", ending(status));
    } else {
        _exit(value);
    }
    return 0;
}
