/* Signals: handlers, masks, what they interrupt, what they do by default, and timers. */
#include "unix.h"
#include <spawn.h>
#include <sys/time.h>

extern char **environ;

static volatile int last, count;
static sigjmp_buf out;

static void note(int signal) {
    last = signal;
    count++;
}

static void leave(int signal) {
    siglongjmp(out, signal);
}

static void handle(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_flags = flags};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    must(sigaction(signal, &action, NULL));
}

static void seen(const char *name) {
    report_value(name, 0, "%d, %d times", last, count);
    last = count = 0;
}

static void handlers(void) {
    handle(SIGUSR1, note, 0);
    must(raise(SIGUSR1));
    seen("callback_signal raise");
    must(kill(getpid(), SIGUSR1));
    seen("proc_signal to itself");
    signal(SIGUSR1, SIG_IGN);
    must(raise(SIGUSR1));
    seen("callback_signal ignored");
    handle(SIGUSR1, note, (int)SA_RESETHAND);
    must(raise(SIGUSR1));
    seen("callback_signal once");
    struct sigaction now;
    must(sigaction(SIGUSR1, NULL, &now));
    report_value("callback_signal default again", 0, "%d", now.sa_handler == SIG_DFL);
    report("proc_signal nothing", kill(getpid(), 0));
    report("proc_signal unknown process", kill(99999999, 0));
    report("proc_signal no such signal", kill(getpid(), 100));
    struct sigaction action = {0};
    report("callback_signal for what cannot be caught", sigaction(SIGKILL, &action, NULL));
}

static void masks(void) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    handle(SIGUSR1, note, 0);
    must(sigprocmask(SIG_BLOCK, &set, NULL));
    must(raise(SIGUSR1)), must(raise(SIGUSR1));
    seen("callback_signal held back");
    must(sigpending(&old));
    report_value("callback_signal pending", 0, "%d", sigismember(&old, SIGUSR1));
    must(sigprocmask(SIG_UNBLOCK, &set, NULL));
    seen("callback_signal let through");

    must(sigprocmask(SIG_BLOCK, &set, &old));
    pid_t parent = getpid(), child = fork();
    if (child == 0) _exit(kill(parent, SIGUSR1) == 0 ? 0 : 1);
    report("futex_wait for a signal", sigsuspend(&old));
    seen("futex_wait for a signal of a child");
    must(sigprocmask(SIG_SETMASK, &old, NULL));
    report_end("proc_signal to the parent", child);
}

static void interrupted(void) {
    int from, to;
    char text[1];
    make_pipe(&from, &to);
    handle(SIGALRM, note, 0);
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    must(setitimer(ITIMER_REAL, &soon, NULL));
    report("proc_raise_interval interrupts a read", read(from, text, 1));
    seen("proc_raise_interval came");
    must(setitimer(ITIMER_REAL, &soon, NULL));
    report("proc_raise_interval interrupts poll", poll(NULL, 0, 10000));
    seen("proc_raise_interval came again");
    struct itimerval often = {.it_interval = {.tv_usec = 5000}, .it_value = {.tv_usec = 5000}};
    must(setitimer(ITIMER_REAL, &often, NULL));
    while (count < 3) pause();
    must(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL));
    report_value("proc_raise_interval again and again", 0, "%d", last == SIGALRM);
    last = count = 0;
    close(from), close(to);
}

static void defaults(void) {
    signal(SIGALRM, SIG_DFL);
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGKILL, SIGUSR2, SIGPIPE, SIGALRM};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        pid_t child = fork();
        if (child == 0) {
            raise(signals[i]);
            _exit(0);
        }
        char name[64];
        snprintf(name, sizeof name, "proc_signal %d by default", signals[i]);
        report_end(name, child);
    }
    static const int harmless[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
    pid_t child = fork();
    if (child == 0) {
        for (unsigned i = 0; i < 4; i++) raise(harmless[i]);
        _exit(4);
    }
    report_end("proc_signal does nothing by default", child);

    int from, to;
    make_pipe(&from, &to);
    child = fork();
    if (child == 0) {
        char text[1];
        close(to);
        _exit(read(from, text, 1) == 0 ? 0 : 1);
    }
    must(kill(child, SIGTERM));
    report_end("proc_signal ends one that waits", child);
    child = fork();
    if (child == 0) {
        char text[1];
        close(to);
        _exit(read(from, text, 1) == 0 ? 3 : 1);
    }
    must(kill(child, SIGSTOP));
    int status;
    report_value("proc_join stopped", waitpid(child, &status, WUNTRACED) == child ? 0 : -1, "%s", ending(status));
    must(kill(child, SIGCONT));
    close(to);
    report_end("proc_signal goes on", child);
    close(from);

    make_pipe(&from, &to);
    close(from);
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        _exit(write(to, "x", 1) == -1 ? 9 : 8);
    }
    report_end("fd_pipe nobody reads", child);
    close(to);
}

static pid_t start(char *self) {
    pid_t child = 0;
    errno = posix_spawn(&child, self, NULL, NULL, (char *[]){"zero", "child", NULL}, environ);
    return errno == 0 ? child : -1;
}

static void inherited(char *self) {
    signal(SIGUSR1, SIG_IGN);
    handle(SIGUSR2, note, 0);
    report_end("proc_signals_get ignored stays, a handler does not", start(self));
    signal(SIGUSR1, SIG_DFL), signal(SIGUSR2, SIG_DFL);
    report_end("proc_signals_get default", start(self));
}

static void children(void) {
    handle(SIGCHLD, note, 0);
    pid_t child = fork();
    if (child == 0) _exit(0);
    report_end("proc_signal of a child's end", child);
    seen("callback_signal of a child's end");
    signal(SIGCHLD, SIG_DFL);
}

static void jumps(void) {
    handle(SIGUSR1, leave, 0);
    int signal = sigsetjmp(out, 1);
    if (signal == 0) {
        raise(SIGUSR1);
        report("stack_restore out of a handler did not", 0);
    } else {
        report_value("stack_restore out of a handler", 0, "%d", signal);
    }
    sigset_t set;
    must(sigprocmask(SIG_BLOCK, NULL, &set));
    report_value("stack_restore brings the mask back", 0, "%d", sigismember(&set, SIGUSR1));
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        struct sigaction first, second;
        sigaction(SIGUSR1, NULL, &first), sigaction(SIGUSR2, NULL, &second);
        return (first.sa_handler == SIG_IGN) + 2 * (second.sa_handler == SIG_IGN) +
               4 * (first.sa_handler == SIG_DFL) + 8 * (second.sa_handler == SIG_DFL);
    }
    handlers();
    masks();
    interrupted();
    defaults();
    inherited(argv[1]);
    children();
    jumps();
    return 0;
}
