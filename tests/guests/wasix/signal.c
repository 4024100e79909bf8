/* Signals. The host calls `__wasm_signal` between calls; which handler runs, which signals are held
 * back, and what happens by default is decided here. */
#include "shim.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define BIT(signal) (1ULL << ((signal) - 1))
#define CALLBACK "__wasm_signal"

static struct sigaction actions[NSIG];
static sigset_t blocked, pending;
/* Counts the handlers that were begun. Who waits for a signal waits at this word, so that one which
 * comes just before the wait is not missed. */
static volatile uint32_t begun;

uint32_t handlers_begun(void) {
    return begun;
}

static struct sigaction kept_actions[NSIG];
static sigset_t kept_blocked;

void keep_signals(void) {
    memcpy(kept_actions, actions, sizeof actions);
    kept_blocked = blocked;
}

void restore_signals(void) {
    memcpy(actions, kept_actions, sizeof actions);
    blocked = kept_blocked;
}

static bool is_signal(int signal) {
    return signal > 0 && signal < NSIG;
}

/* Does what the host does with a process that takes no signals. */
static void by_default(int signal) {
    switch (signal) {
    case SIGCHLD: case SIGURG: case SIGWINCH: case SIGCONT:
        return;
    case SIGTSTP: case SIGTTIN: case SIGTTOU:
        wasix_proc_signal(getpid(), SIGSTOP);
        return;
    }
    wasix_callback_signal("", 0);
    wasix_proc_signal(getpid(), signal);
    wasix_proc_exit2(128 + signal);
}

static void handle(int signal) {
    struct sigaction action = actions[signal];
    if (action.sa_handler == SIG_IGN) return;
    if (action.sa_handler == SIG_DFL) {
        by_default(signal);
        return;
    }
    int error = errno;
    sigset_t before = blocked;
    blocked |= action.sa_mask;
    if (!(action.sa_flags & SA_NODEFER)) blocked |= BIT(signal);
    if (action.sa_flags & SA_RESETHAND) actions[signal].sa_handler = SIG_DFL;
    uint8_t woken;
    begun++;
    wasix_futex_wake_all(&begun, &woken);
    if (action.sa_flags & SA_SIGINFO) {
        siginfo_t info = {.si_signo = signal};
        action.sa_sigaction(signal, &info, NULL);
    } else {
        action.sa_handler(signal);
    }
    blocked = before;
    errno = error;
}

static void handle_pending(void) {
    for (int signal = 1; signal < NSIG && (pending & ~blocked); signal++) {
        if (!(pending & ~blocked & BIT(signal))) continue;
        pending &= ~BIT(signal);
        handle(signal);
    }
}

__attribute__((export_name(CALLBACK))) void __wasm_signal(int signal) {
    if (!is_signal(signal)) return;
    if (actions[signal].sa_handler == SIG_IGN) return;
    pending |= BIT(signal);
    handle_pending();
}

__attribute__((constructor(101))) static void start(void) {
    uint32_t count = 0;
    if (wasix_proc_signals_sizes_get(&count) == 0 && count > 0) {
        wasix_disposition_t *given = calloc(count, sizeof *given);
        if (given && wasix_proc_signals_get(given) == 0)
            for (uint32_t i = 0; i < count; i++)
                if (is_signal(given[i].signal) && given[i].ignored)
                    actions[given[i].signal].sa_handler = SIG_IGN;
        free(given);
    }
    wasix_callback_signal(CALLBACK, strlen(CALLBACK));
}

uint32_t ignored_signals(wasix_disposition_t dispositions[64]) {
    uint32_t count = 0;
    for (int signal = 1; signal < NSIG; signal++)
        if (actions[signal].sa_handler == SIG_IGN)
            dispositions[count++] = (wasix_disposition_t){signal, 1};
    return count;
}

int sigaction(int signal, const struct sigaction *action, struct sigaction *old) {
    if (!is_signal(signal) || (action && (signal == SIGKILL || signal == SIGSTOP))) return result(EINVAL);
    struct sigaction before = actions[signal];
    if (action) actions[signal] = *action;
    if (old) *old = before;
    return 0;
}

void (*signal(int signal, void (*handler)(int)))(int) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;
    return sigaction(signal, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

int siginterrupt(int signal, int interrupts) {
    if (!is_signal(signal)) return result(EINVAL);
    actions[signal].sa_flags &= ~SA_RESTART;
    if (!interrupts) actions[signal].sa_flags |= SA_RESTART;
    return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old) {
    sigset_t before = blocked;
    if (set) {
        if (how == SIG_BLOCK) blocked |= *set;
        else if (how == SIG_UNBLOCK) blocked &= ~*set;
        else if (how == SIG_SETMASK) blocked = *set;
        else return result(EINVAL);
        blocked &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
    }
    if (old) *old = before;
    handle_pending();
    return 0;
}

int sigpending(sigset_t *set) {
    *set = pending & blocked;
    return 0;
}

int sigsuspend(const sigset_t *mask) {
    const wasix_option_timestamp_t forever = {0};
    sigset_t before = blocked;
    uint32_t seen = begun;
    blocked = *mask & ~(BIT(SIGKILL) | BIT(SIGSTOP));
    handle_pending();
    while (begun == seen) {
        uint8_t woken;
        int32_t error = wasix_futex_wait(&begun, seen, &forever, &woken);
        if (error != 0 && error != EINTR && error != EAGAIN) break;
    }
    blocked = before;
    handle_pending();
    return result(EINTR);
}

int pause(void) {
    sigset_t mask = blocked;
    return sigsuspend(&mask);
}

int kill(pid_t pid, int signal) {
    return result(wasix_proc_signal(pid, signal));
}

int killpg(pid_t group, int signal) {
    return group < 0 ? result(EINVAL) : kill(-group, signal);
}

int raise(int signal) {
    return kill(getpid(), signal);
}

static int interval(uint64_t nanoseconds, bool repeat) {
    return result(wasix_proc_raise_interval(SIGALRM, nanoseconds, repeat));
}

unsigned alarm(unsigned seconds) {
    interval(seconds * 1000000000ULL, false);
    return 0;
}

int setitimer(int which, const struct itimerval *new, struct itimerval *old) {
    if (which != ITIMER_REAL || !new) return result(EINVAL);
    if (old) memset(old, 0, sizeof *old);
    bool repeat = new->it_interval.tv_sec != 0 || new->it_interval.tv_usec != 0;
    const struct timeval *time = repeat ? &new->it_interval : &new->it_value;
    if (new->it_value.tv_sec == 0 && new->it_value.tv_usec == 0) return interval(0, false);
    return interval(time->tv_sec * 1000000000ULL + time->tv_usec * 1000, repeat);
}

int sigemptyset(sigset_t *set) {
    *set = 0;
    return 0;
}

int sigfillset(sigset_t *set) {
    *set = ~0ULL;
    return 0;
}

int sigaddset(sigset_t *set, int signal) {
    if (!is_signal(signal)) return result(EINVAL);
    *set |= BIT(signal);
    return 0;
}

int sigdelset(sigset_t *set, int signal) {
    if (!is_signal(signal)) return result(EINVAL);
    *set &= ~BIT(signal);
    return 0;
}

int sigismember(const sigset_t *set, int signal) {
    return is_signal(signal) ? (*set & BIT(signal)) != 0 : result(EINVAL);
}
