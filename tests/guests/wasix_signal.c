/* Signals, as the host delivers them: to the function that was named, between calls. */
#include "wasix.h"

static volatile int last, count;

__attribute__((export_name("on_signal"))) void on_signal(int signal) {
    last = signal;
    count++;
}

static void seen(const char *name, error_t error) {
    report_value(name, error, "%d, %d times", last, count);
    last = count = 0;
}

/* Until so many signals have come, or for half a second. */
static void nap(int signals) {
    for (int i = 0; i < 500 && count < signals; i++) {
        error_t error = wasix_thread_sleep(1000000);
        if (error != __WASI_ERRNO_INTR) must(error);
    }
}

int main(void) {
    uint32_t pid = 0, tid = 0, dispositions = 99;
    must(wasix_proc_id(&pid)), must(wasix_thread_id(&tid));
    report("proc_signals_sizes_get some", wasix_proc_signals_sizes_get(&dispositions));
    report("proc_signals_sizes_get outside of memory", wasix_proc_signals_sizes_get(OUTSIDE));
    static wasix_disposition_t given[256];
    report("proc_signals_get some", dispositions <= 256 ? wasix_proc_signals_get(given) : 0);

    wasix_callback_signal(TEXT("on_signal"));
    report_value("callback_signal none yet", 0, "%d", count);
    seen("proc_signal to itself", wasix_proc_signal(pid, 10));
    seen("thread_signal to itself", wasix_thread_signal(tid, 12));
    report("thread_signal unknown", wasix_thread_signal(99999, 10));
    report("thread_signal of no such number", wasix_thread_signal(tid, 200));
    seen("thread_signal nothing", wasix_thread_signal(tid, 0));
    must(wasix_proc_signal(pid, 10)), must(wasix_proc_signal(pid, 12));
    seen("callback_signal one after the other", 0);
    must(wasix_proc_signal(pid, 15));
    seen("callback_signal also for one that would end it", 0);

    report("proc_raise_interval once", wasix_proc_raise_interval(14, 5000000, false));
    nap(1);
    seen("proc_raise_interval came", 0);
    report("proc_raise_interval again and again", wasix_proc_raise_interval(14, 5000000, true));
    nap(3);
    report_value("proc_raise_interval came again", 0, "%d", last == 14 && count >= 3);
    report("proc_raise_interval no more", wasix_proc_raise_interval(14, 0, false));
    report("proc_raise_interval of no such number", wasix_proc_raise_interval(200, 5000000, false));
    return 0;
}
