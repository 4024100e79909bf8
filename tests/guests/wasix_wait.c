/* Time and futexes of a process with one thread. */
#include "wasix.h"

static volatile uint32_t word = 5;

static uint64_t now(void) {
    __wasi_timestamp_t time = 0;
    must(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &time));
    return time;
}

int main(void) {
    uint32_t tid = 0, pid = 0, count = 0;
    report("thread_id main", wasix_thread_id(&tid));
    report_value("thread_id the same again", wasix_thread_id(&count), "%d", count == tid);
    report("thread_id outside of memory", wasix_thread_id(OUTSIDE));
    report_value("thread_parallelism some", wasix_thread_parallelism(&count), "%d", count > 0);
    report("thread_parallelism outside of memory", wasix_thread_parallelism(OUTSIDE));
    report("proc_id own", wasix_proc_id(&pid));
    report("proc_id outside of memory", wasix_proc_id(OUTSIDE));
    report("thread_join unknown", wasix_thread_join(99999));

    uint64_t start = now();
    report("thread_sleep a millisecond", wasix_thread_sleep(1000000));
    report_value("thread_sleep took it", 0, "%d", now() - start >= 1000000);
    report("thread_sleep not at all", wasix_thread_sleep(0));

    uint8_t woken = 9;
    wasix_option_timestamp_t timeout = {1, 1000000};
    report_value("futex_wait other value", wasix_futex_wait(&word, 4, &timeout, &woken), "%d", woken);
    start = now();
    woken = 9;
    report_value("futex_wait until the time is up", wasix_futex_wait(&word, 5, &timeout, &woken), "%d", woken);
    report_value("futex_wait waited", 0, "%d", now() - start >= 1000000);
    report("futex_wait outside of memory", wasix_futex_wait(OUTSIDE, 5, &timeout, &woken));
    report("futex_wait timeout outside of memory", wasix_futex_wait(&word, 5, OUTSIDE, &woken));
    report_value("futex_wake nobody", wasix_futex_wake(&word, &woken), "%d", woken);
    report_value("futex_wake_all nobody", wasix_futex_wake_all(&word, &woken), "%d", woken);
    report("futex_wake answer outside of memory", wasix_futex_wake(&word, OUTSIDE));
    report("futex_wake_all answer outside of memory", wasix_futex_wake_all(&word, OUTSIDE));
    report("clock_time_set unknown clock", wasix_clock_time_set(99, 0));
    report("clock_time_set monotonic", wasix_clock_time_set(__WASI_CLOCKID_MONOTONIC, 0));
    report("proc_snapshot of a program without a journal", wasix_proc_snapshot());
    return 0;
}
