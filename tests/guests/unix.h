/* What the guests share that are written for POSIX with processes: the same source runs on Linux and,
 * through the shim, on WASIX. argv[1] is the guest's own path, argv[2] a scratch directory. Cases are
 * named by the calls of WASIX that they come to. */
#ifndef UNIX_H
#define UNIX_H

#include "posix.h"
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>

/* How a child ended: `exit N`, `signal N` or `stopped N`. */
static const char *ending(int status) {
    static char text[32];
    if (WIFEXITED(status)) snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    else if (WIFSTOPPED(status)) snprintf(text, sizeof text, "stopped %d", WSTOPSIG(status));
    else snprintf(text, sizeof text, "status %#x", status);
    return text;
}

static void report_end(const char *name, pid_t pid) {
    int status = 0;
    pid_t ended;
    do ended = waitpid(pid, &status, 0);
    while (ended == -1 && errno == EINTR);
    report_value(name, ended, "%s", ending(status));
}

/* All that comes until the end, with newlines as `|`. */
static const char *read_all(int fd) {
    static char text[4096];
    size_t all = 0;
    for (ssize_t got; (got = read(fd, text + all, sizeof text - 1 - all)) != 0;) {
        if (got == -1 && errno == EINTR) continue;
        if (got == -1) break;
        all += got;
    }
    text[all] = 0;
    for (size_t i = 0; i < all; i++)
        if (text[i] == '\n') text[i] = '|';
    return text;
}

/* A pipe as two names. */
static void make_pipe(int *from, int *to) {
    int ends[2] = {-1, -1};
    must(pipe(ends));
    *from = ends[0];
    *to = ends[1];
}

#endif
