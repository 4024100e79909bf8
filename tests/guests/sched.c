/* sched_yield. */
#include "case.h"

int main(void) {
    report("sched_yield", __wasi_sched_yield());
    error_t error = 0;
    for (int i = 0; i < 1000 && error == 0; i++) error = __wasi_sched_yield();
    report("sched_yield many times", error);
    return 0;
}
