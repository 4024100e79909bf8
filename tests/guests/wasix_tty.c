/* The terminal's state, of a process whose streams are none. */
#include "wasix.h"

int main(void) {
    wasix_tty_t state = {0}, again = {0};
    report_value("tty_get streams", wasix_tty_get(&state), "%d %d %d", state.stdin_tty, state.stdout_tty,
                 state.stderr_tty);
    report("tty_get outside of memory", wasix_tty_get(OUTSIDE));
    report("tty_set as it is", wasix_tty_set(&state));
    report_value("tty_get unchanged", wasix_tty_get(&again), "%d", memcmp(&state, &again, sizeof state));
    report("tty_set outside of memory", wasix_tty_set(OUTSIDE));
    return 0;
}
