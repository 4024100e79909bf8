/* clock_res_get, clock_time_get. */
#include "case.h"

#define YEAR_2020 UINT64_C(1577836800000000000)
#define YEAR_2200 UINT64_C(7258118400000000000)
#define SECOND UINT64_C(1000000000)

static void resolution(const char *name, __wasi_clockid_t clock) {
    __wasi_timestamp_t resolution = 0;
    error_t error = __wasi_clock_res_get(clock, &resolution);
    report_value(name, error, "%d", resolution > 0 && resolution <= SECOND);
}

static void advances(const char *name, __wasi_clockid_t clock) {
    __wasi_timestamp_t before = 0, after = 0;
    error_t error = __wasi_clock_time_get(clock, 0, &before);
    /* Some work, so that a clock of processor time has something to count. */
    for (volatile int i = 0; i < 100000; i++) continue;
    if (error == 0) error = __wasi_clock_time_get(clock, 0, &after);
    report_value(name, error, "%d", after >= before && after - before < 60 * SECOND);
}

int main(void) {
    resolution("clock_res_get realtime", __WASI_CLOCKID_REALTIME);
    resolution("clock_res_get monotonic", __WASI_CLOCKID_MONOTONIC);
    resolution("clock_res_get process cpu time", __WASI_CLOCKID_PROCESS_CPUTIME_ID);
    resolution("clock_res_get thread cpu time", __WASI_CLOCKID_THREAD_CPUTIME_ID);

    __wasi_timestamp_t now = 0;
    error_t error = __wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 1, &now);
    report_value("clock_time_get realtime is today", error, "%d", now > YEAR_2020 && now < YEAR_2200);
    advances("clock_time_get realtime", __WASI_CLOCKID_REALTIME);
    advances("clock_time_get monotonic", __WASI_CLOCKID_MONOTONIC);
    advances("clock_time_get process cpu time", __WASI_CLOCKID_PROCESS_CPUTIME_ID);
    advances("clock_time_get thread cpu time", __WASI_CLOCKID_THREAD_CPUTIME_ID);
    report("clock_time_get any precision",
           __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, UINT64_MAX, &now));

    __wasi_timestamp_t previous = 0;
    bool ordered = true;
    for (int i = 0; i < 1000; i++) {
        error = __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &now);
        ordered = ordered && error == 0 && now >= previous;
        previous = now;
    }
    report_value("clock_time_get monotonic never goes back", error, "%d", ordered);
    return 0;
}
