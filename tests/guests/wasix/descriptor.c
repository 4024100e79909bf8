/* Descriptors: copies, pipes, flags, counters, and sets to wait for. */
#include "shim.h"
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int descriptor(int32_t error, uint32_t fd) {
    return error == 0 ? (int)fd : result(error);
}

static int set_cloexec(int fd, bool on) {
    return result(wasix_fd_fdflags_set(fd, on));
}

int dup(int fd) {
    uint32_t copy = 0;
    return descriptor(wasix_fd_dup(fd, &copy), copy);
}

static int dup_from(int fd, int lowest, bool cloexec) {
    uint32_t copy = 0;
    if (lowest < 0) return result(EINVAL);
    return descriptor(wasix_fd_dup2(fd, lowest, cloexec, &copy), copy);
}

int dup2(int fd, int to) {
    uint16_t flags;
    int32_t error = wasix_fd_fdflags_get(fd, &flags);
    if (error != 0 || to < 0) return result(error != 0 ? error : EBADF);
    if (fd == to) return to;
    if (wasix_fd_fdflags_get(to, &flags) == 0) close(to);
    return dup_from(fd, to, false);
}

int pipe2(int fds[2], int flags) {
    uint32_t read_end, write_end;
    int32_t error = wasix_fd_pipe(&read_end, &write_end);
    if (error != 0) return result(error);
    fds[0] = read_end;
    fds[1] = write_end;
    for (int i = 0; i < 2; i++) {
        if (flags & O_CLOEXEC) set_cloexec(fds[i], true);
        if (flags & O_NONBLOCK) fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

int pipe(int fds[2]) {
    return pipe2(fds, 0);
}

int libc_open(const char *path, int flags, ...) __asm__("open");

int open(const char *path, int flags, ...) {
    int fd = libc_open(path, flags & ~O_CLOEXEC, 0666);
    if (fd >= 0 && (flags & O_CLOEXEC)) set_cloexec(fd, true);
    return fd;
}

static int access_mode(__wasi_rights_t rights) {
    int mode = 0;
    if (rights & (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_READDIR)) mode |= O_RDONLY;
    if (rights & __WASI_RIGHTS_FD_WRITE) mode |= O_WRONLY;
    return mode ? mode : O_SEARCH;
}

int fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    int argument = command == F_GETFD || command == F_GETFL ? 0 : va_arg(rest, int);
    va_end(rest);
    switch (command) {
    case F_DUPFD:
        return dup_from(fd, argument, false);
    case F_DUPFD_CLOEXEC:
        return dup_from(fd, argument, true);
    case F_GETFD: {
        uint16_t flags = 0;
        int32_t error = wasix_fd_fdflags_get(fd, &flags);
        return error == 0 ? (flags & 1 ? FD_CLOEXEC : 0) : result(error);
    }
    case F_SETFD:
        return set_cloexec(fd, argument & FD_CLOEXEC);
    case F_GETFL: {
        __wasi_fdstat_t stat;
        __wasi_errno_t error = __wasi_fd_fdstat_get(fd, &stat);
        return error == 0 ? stat.fs_flags | access_mode(stat.fs_rights_base) : result(error);
    }
    case F_SETFL:
        return result(__wasi_fd_fdstat_set_flags(fd, argument & 0xfff));
    }
    return result(EINVAL);
}

int eventfd(unsigned initial, int flags) {
    uint32_t fd = 0;
    int32_t error = wasix_fd_event(initial, flags & EFD_SEMAPHORE, &fd);
    if (error != 0) return result(error);
    if (flags & EFD_CLOEXEC) set_cloexec(fd, true);
    if (flags & EFD_NONBLOCK) fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static const struct {
    uint32_t linux, wasix;
} events[] = {
    {EPOLLIN, WASIX_EPOLL_IN},           {EPOLLOUT, WASIX_EPOLL_OUT}, {EPOLLRDHUP, WASIX_EPOLL_RDHUP},
    {EPOLLPRI, WASIX_EPOLL_PRI},         {EPOLLERR, WASIX_EPOLL_ERR}, {EPOLLHUP, WASIX_EPOLL_HUP},
    {EPOLLONESHOT, WASIX_EPOLL_ONESHOT}, {EPOLLET, WASIX_EPOLL_ET},
};
#define EVENTS (sizeof events / sizeof *events)

int epoll_create1(int flags) {
    uint32_t fd = 0;
    int32_t error = wasix_epoll_create(&fd);
    if (error != 0) return result(error);
    if (flags & EPOLL_CLOEXEC) set_cloexec(fd, true);
    return fd;
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    static const uint8_t ops[] = {
        [EPOLL_CTL_ADD] = WASIX_EPOLL_ADD,
        [EPOLL_CTL_MOD] = WASIX_EPOLL_MOD,
        [EPOLL_CTL_DEL] = WASIX_EPOLL_DEL,
    };
    wasix_epoll_event_t native = {0};
    if (op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD) return result(EINVAL);
    if (event) {
        for (unsigned i = 0; i < EVENTS; i++)
            if (event->events & events[i].linux) native.events |= events[i].wasix;
        native.data.fd = fd;
        native.data.data2 = event->data.u64;
    }
    return result(wasix_epoll_ctl(epfd, ops[op], fd, event ? &native : NULL));
}

int epoll_wait(int epfd, struct epoll_event *out, int count, int timeout) {
    wasix_epoll_event_t native[64];
    uint32_t ready = 0;
    if (count <= 0) return result(EINVAL);
    if (count > 64) count = 64;
    uint64_t nanoseconds = timeout < 0 ? ~0ULL : timeout * 1000000ULL;
    uint32_t seen = handlers_begun();
    int32_t error;
    do error = wasix_epoll_wait(epfd, native, count, nanoseconds, &ready);
    while (error == EINTR && handlers_begun() == seen);
    if (error != 0) return result(error);
    for (uint32_t i = 0; i < ready; i++) {
        out[i].events = 0;
        out[i].data.u64 = native[i].data.data2;
        for (unsigned j = 0; j < EVENTS; j++)
            if (native[i].events & events[j].wasix) out[i].events |= events[j].linux;
    }
    return ready;
}
