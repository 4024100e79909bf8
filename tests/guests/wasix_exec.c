/* Becoming another program, by each of the calls: `wasix_exec SELF CALL`. */
#include "wasix.h"
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *self = argv[1], *call = argc > 2 ? argv[2] : "";
    if (strcmp(call, "became") == 0) {
        printf("%s became %d: [%s] X=%s\n", argv[3], argc, argv[4], getenv("X") ? getenv("X") : "(none)");
        return 7;
    }
    if (strcmp(call, "proc_exec") == 0) wasix_proc_exec(TEXT(self), TEXT("a\nself\nbecame\nproc_exec\ntwo words"));
    if (strcmp(call, "proc_exec2") == 0)
        wasix_proc_exec2(TEXT(self), TEXT("a\nself\nbecame\nproc_exec2\ntwo words"), TEXT("X=1\nY=2"));
    if (strcmp(call, "proc_exec3") == 0) {
        report("proc_exec3 missing", wasix_proc_exec3(TEXT("/missing"), TEXT("a"), TEXT(""), false, TEXT("")));
        report("proc_exec3 nowhere on the path",
               wasix_proc_exec3(TEXT("missing"), TEXT("a"), TEXT(""), true, TEXT("/tmp:/dev")));
        report("proc_exec3 outside of memory", wasix_proc_exec3(OUTSIDE, 64, TEXT("a"), TEXT(""), false, TEXT("")));
        report("proc_exec3 came back", wasix_proc_exec3(TEXT(self), TEXT("a\nself\nbecame\nproc_exec3\ntwo words"),
                                                        TEXT("X=1"), false, TEXT("")));
    }
    if (strcmp(call, "proc_exec4") == 0) {
        char *const args[] = {"a", "self", "became", "proc_exec4", "new\nline", NULL};
        char *const envs[] = {"X=new\nline", NULL};
        report("proc_exec4 missing", wasix_proc_exec4(TEXT("/missing"), args, 5, envs, 1, false, TEXT("")));
        report("proc_exec4 arguments outside of memory",
               wasix_proc_exec4(TEXT(self), OUTSIDE, 5, envs, 1, false, TEXT("")));
        report("proc_exec4 came back", wasix_proc_exec4(TEXT(self), args, 5, envs, 1, false, TEXT("")));
    }
    if (strcmp(call, "proc_exec missing") == 0) wasix_proc_exec(TEXT("/missing"), TEXT("a"));
    if (strcmp(call, "proc_exec2 missing") == 0) wasix_proc_exec2(TEXT("/missing"), TEXT("a"), TEXT(""));
    if (strcmp(call, "proc_exit2") == 0) wasix_proc_exit2(42);
    return 99;
}
