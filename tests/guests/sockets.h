/* Sockets by one set of names: preview1's calls on wasm, POSIX natively. They are made by whoever
 * starts the program, which finds them as descriptors 3 and up. Every function returns an errno of
 * its platform, or 0. */
#ifndef SOCKETS_H
#define SOCKETS_H

#ifndef __wasi__
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PEEK = 1, WAITALL = 2, SHUT_READ = 1, SHUT_WRITE = 2, ACCEPT_NONBLOCK = 1, ACCEPT_WRONGLY = 2 };

/* A listening TCP socket, two clients connected to it, a pair of stream sockets and one of datagram
 * sockets. */
enum { LISTENER = 3, CLIENT, SECOND_CLIENT, PAIR_ONE, PAIR_OTHER, DATAGRAM_ONE, DATAGRAM_OTHER };

typedef struct {
    bool readable, writable, hangup;
} readiness_t;

#ifdef __wasi__
#include "case.h"

static const char *name_of(int error) {
    return errno_name((error_t)error);
}
static int receive(int fd, __wasi_iovec_t *into, size_t count, int flags, size_t *n, bool *truncated) {
    __wasi_roflags_t out = 0;
    int error = __wasi_sock_recv(fd, into, count, (__wasi_riflags_t)flags, n, &out);
    *truncated = (out & __WASI_ROFLAGS_RECV_DATA_TRUNCATED) != 0;
    return error;
}
static int send_all(int fd, const __wasi_ciovec_t *from, size_t count, size_t *n) {
    return __wasi_sock_send(fd, from, count, 0, n);
}
static int shut(int fd, int how) {
    return __wasi_sock_shutdown(fd, (__wasi_sdflags_t)how);
}
static int close_socket(int fd) {
    return __wasi_fd_close(fd);
}
static int nonblocking(int fd) {
    return __wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK);
}
static int accept_one(int fd, int how, int *accepted) {
    static const __wasi_fdflags_t flags[] = {0, __WASI_FDFLAGS_NONBLOCK, __WASI_FDFLAGS_APPEND};
    return __wasi_sock_accept(fd, flags[how], accepted);
}
static int read_one(int fd, char *buffer, size_t size, size_t *n) {
    return read_once(fd, buffer, size, n);
}
static int write_one(int fd, const char *text, size_t *n) {
    return write_once(fd, text, n);
}
static int seek_one(int fd) {
    uint64_t at;
    return __wasi_fd_seek(fd, 0, __WASI_WHENCE_CUR, &at);
}
static int sync_one(int fd) {
    return __wasi_fd_sync(fd);
}
static int resize_one(int fd) {
    return __wasi_fd_filestat_set_size(fd, 0);
}
static const char *file_type(int fd) {
    __wasi_fdstat_t stat = {0};
    return __wasi_fd_fdstat_get(fd, &stat) == 0 ? filetype_name(stat.fs_filetype) : "none";
}
static readiness_t ready(int fd) {
    __wasi_subscription_t in[3] = {{.userdata = 1, .u.tag = __WASI_EVENTTYPE_FD_READ},
                                   {.userdata = 2, .u.tag = __WASI_EVENTTYPE_FD_WRITE},
                                   {.userdata = 3, .u.tag = __WASI_EVENTTYPE_CLOCK}};
    in[0].u.u.fd_read.file_descriptor = in[1].u.u.fd_write.file_descriptor = fd;
    in[2].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    __wasi_event_t out[3];
    __wasi_size_t n = 0;
    readiness_t found = {0};
    if (__wasi_poll_oneoff(in, out, 3, &n) != 0) return found;
    for (size_t i = 0; i < n; i++) {
        found.readable |= out[i].userdata == 1;
        found.writable |= out[i].userdata == 2;
        found.hangup |= (out[i].fd_readwrite.flags & __WASI_EVENTRWFLAGS_FD_READWRITE_HANGUP) != 0;
    }
    return found;
}
/* Bytes that can be received. Waits for the first. */
static uint64_t available(int fd) {
    __wasi_subscription_t in = {.u.tag = __WASI_EVENTTYPE_FD_READ, .u.u.fd_read.file_descriptor = fd};
    __wasi_event_t out = {0};
    __wasi_size_t n;
    return __wasi_poll_oneoff(&in, &out, 1, &n) == 0 ? out.fd_readwrite.nbytes : 0;
}
static void wait_readable(int fd) {
    available(fd);
}

#else
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    uint8_t *buf;
    size_t buf_len;
} __wasi_iovec_t;
typedef struct {
    const uint8_t *buf;
    size_t buf_len;
} __wasi_ciovec_t;

static const char *name_of(int error) {
    switch (error) {
        case 0: return "success";
        case EAGAIN: return "again";
        case EBADF: return "badf";
        case EINVAL: return "inval";
        case ENOTSUP: return "notsup";
        case ENOTCONN: return "notconn";
        case EPIPE: return "pipe";
        case ESPIPE: return "spipe";
        case ECONNREFUSED: return "connrefused";
        case ECONNRESET: return "connreset";
        default: return strerror(error);
    }
}
static int outcome(long result) {
    return result == -1 ? errno : 0;
}
static int receive(int fd, __wasi_iovec_t *into, size_t count, int flags, size_t *n, bool *truncated) {
    struct msghdr message = {.msg_iov = (struct iovec *)into, .msg_iovlen = count};
    ssize_t got = recvmsg(fd, &message, (flags & PEEK ? MSG_PEEK : 0) | (flags & WAITALL ? MSG_WAITALL : 0));
    *n = got == -1 ? 0 : (size_t)got;
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
    return outcome(got);
}
static int send_all(int fd, const __wasi_ciovec_t *from, size_t count, size_t *n) {
    struct msghdr message = {.msg_iov = (struct iovec *)from, .msg_iovlen = count};
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    *n = sent == -1 ? 0 : (size_t)sent;
    return outcome(sent);
}
static int shut(int fd, int how) {
    static const int hows[] = {99, SHUT_RD, SHUT_WR, SHUT_RDWR, 99};
    return outcome(shutdown(fd, hows[how]));
}
static int close_socket(int fd) {
    return outcome(close(fd));
}
static int nonblocking(int fd) {
    return outcome(fcntl(fd, F_SETFL, O_NONBLOCK));
}
static int accept_one(int fd, int how, int *accepted) {
    static const int flags[] = {0, SOCK_NONBLOCK, ~(SOCK_NONBLOCK | SOCK_CLOEXEC)};
    *accepted = accept4(fd, NULL, NULL, flags[how]);
    return outcome(*accepted);
}
static int read_one(int fd, char *buffer, size_t size, size_t *n) {
    ssize_t got = read(fd, buffer, size);
    *n = got == -1 ? 0 : (size_t)got;
    return outcome(got);
}
static int write_one(int fd, const char *text, size_t *n) {
    ssize_t written = write(fd, text, strlen(text));
    *n = written == -1 ? 0 : (size_t)written;
    return outcome(written);
}
static int seek_one(int fd) {
    return outcome(lseek(fd, 0, SEEK_CUR));
}
static int sync_one(int fd) {
    return outcome(fsync(fd));
}
static int resize_one(int fd) {
    return outcome(ftruncate(fd, 0));
}
static const char *file_type(int fd) {
    int type = 0;
    socklen_t length = sizeof type;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
    return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : "none";
}
static readiness_t ready(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
    poll(&one, 1, 0);
    return (readiness_t){(one.revents & POLLIN) != 0, (one.revents & POLLOUT) != 0, (one.revents & POLLHUP) != 0};
}
static void wait_readable(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    poll(&one, 1, -1);
}
static uint64_t available(int fd) {
    int count = 0;
    wait_readable(fd);
    ioctl(fd, FIONREAD, &count);
    return (uint64_t)count;
}
#endif

#endif
