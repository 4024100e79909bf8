/* proc_raise with the signal in argv[1]. Natively: raise. Signals 1 to 15 have the same numbers
 * in preview1, WASIX and Linux. */
#include <stdio.h>
#include <stdlib.h>
#ifdef __wasi__
#include "raw.h"
#define RAISE(number) (error_t)raw_proc_raise(number)
#else
#include <signal.h>
#define RAISE(number) raise(number)
#endif

int main(int argc, char **argv) {
    printf("proc_raise before\n");
    fflush(stdout);
    int result = RAISE(argc > 1 ? atoi(argv[1]) : 0);
    printf("proc_raise survived %d\n", result);
    return 0;
}
