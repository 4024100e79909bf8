#ifndef WASIX_SYS_WAIT_H
#define WASIX_SYS_WAIT_H

#include <signal.h>
#include <sys/types.h>

struct rusage;

enum { WNOHANG = 1, WUNTRACED = 2 };
#define WEXITSTATUS(status) (((status) & 0xff00) >> 8)
#define WTERMSIG(status) ((status) & 0x7f)
#define WSTOPSIG(status) WEXITSTATUS(status)
#define WIFEXITED(status) (WTERMSIG(status) == 0)
#define WIFSTOPPED(status) (((status) & 0xff) == 0x7f)
#define WIFSIGNALED(status) (((status) & 0xffff) - 1u < 0xffu)
#define WCOREDUMP(status) ((status) & 0x80)

pid_t wait(int *);
pid_t waitpid(pid_t, int *, int);
pid_t wait3(int *, int, struct rusage *);

#endif
