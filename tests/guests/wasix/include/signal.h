/* Signals by their numbers on Linux, which are those of WASIX. */
#ifndef WASIX_SIGNAL_H
#define WASIX_SIGNAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
    SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT,
    SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU,
    SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS,
};
#define SIGHUP SIGHUP
#define SIGINT SIGINT
#define SIGQUIT SIGQUIT
#define SIGTTOU SIGTTOU
#define SIGTTIN SIGTTIN
#define SIGTSTP SIGTSTP
#define _NSIG 65
#define NSIG _NSIG

typedef int sig_atomic_t;
typedef struct {
    int si_signo, si_code;
    pid_t si_pid;
} siginfo_t;

struct sigaction {
    union {
        void (*sa_handler)(int);
        void (*sa_sigaction)(int, siginfo_t *, void *);
    };
    sigset_t sa_mask;
    int sa_flags;
};

#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)
#define SIG_ERR ((void (*)(int)) - 1)
#define SA_NOCLDSTOP 1
#define SA_SIGINFO 4
#define SA_RESTART 0x10000000
#define SA_NODEFER 0x40000000
#define SA_RESETHAND ((int)0x80000000)
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

int kill(pid_t, int);
int killpg(pid_t, int);
int raise(int) __asm__("wasix_posix_raise");
void (*signal(int, void (*)(int)))(int) __asm__("wasix_posix_signal");
int sigaction(int, const struct sigaction *, struct sigaction *);
int sigprocmask(int, const sigset_t *, sigset_t *);
int sigpending(sigset_t *);
int sigsuspend(const sigset_t *);
int sigemptyset(sigset_t *);
int sigfillset(sigset_t *);
int sigaddset(sigset_t *, int);
int sigdelset(sigset_t *, int);
int sigismember(const sigset_t *, int);
int siginterrupt(int, int);

#endif
