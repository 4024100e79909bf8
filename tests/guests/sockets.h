/* Stream sockets by one set of names: WASIX and preview1 calls on wasm, POSIX natively. Every
 * function returns an errno of its platform, or 0. */
#ifndef SOCKETS_H
#define SOCKETS_H

#ifndef __wasi__
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PEEK = 1, WAITALL = 2, SHUT_READ = 1, SHUT_WRITE = 2 };

#ifdef __wasi__
#include "case.h"

#define WASIX(function) __attribute__((import_module("wasix_32v1"), import_name(#function)))
typedef struct {
    uint16_t tag; /* the address family, in the low byte */
    uint16_t port;
    uint8_t octets[106];
} address_t;
WASIX(sock_pair) int32_t sock_pair(int32_t family, int32_t type, int32_t protocol, fd_t *one, fd_t *other);
WASIX(sock_open) int32_t sock_open(int32_t family, int32_t type, int32_t protocol, fd_t *fd);
WASIX(sock_bind) int32_t sock_bind(fd_t fd, const address_t *address);
WASIX(sock_listen) int32_t sock_listen(fd_t fd, int32_t backlog);
WASIX(sock_connect) int32_t sock_connect(fd_t fd, const address_t *address);
WASIX(sock_addr_local) int32_t sock_addr_local(fd_t fd, address_t *address);

static const char *name_of(int error) {
    return errno_name((error_t)error);
}
static int make_pair(int *one, int *other) {
    return sock_pair(3, 1, 0, one, other);
}
static int receive(int fd, __wasi_iovec_t *into, size_t count, int flags, size_t *n) {
    __wasi_roflags_t out;
    return __wasi_sock_recv(fd, into, count, (__wasi_riflags_t)flags, n, &out);
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
static int accept_one(int fd, bool nonblock, int *accepted) {
    return __wasi_sock_accept(fd, nonblock ? __WASI_FDFLAGS_NONBLOCK : 0, accepted);
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
static int listener(int *fd, address_t *address) {
    *address = (address_t){.tag = 1, .octets = {127, 0, 0, 1}};
    int error = sock_open(1, 1, 6, fd);
    if (error == 0) error = sock_bind(*fd, address);
    if (error == 0) error = sock_listen(*fd, 4);
    if (error == 0) error = sock_addr_local(*fd, address);
    return error;
}
static int connect_to(const address_t *address, int *fd) {
    int error = sock_open(1, 1, 6, fd);
    return error == 0 ? sock_connect(*fd, address) : error;
}
static const char *file_type(int fd) {
    __wasi_fdstat_t stat = {0};
    return __wasi_fd_fdstat_get(fd, &stat) == 0 ? filetype_name(stat.fs_filetype) : "none";
}
static void ready(int fd, bool *readable, bool *writable) {
    __wasi_subscription_t in[3] = {{.userdata = 1, .u.tag = __WASI_EVENTTYPE_FD_READ},
                                   {.userdata = 2, .u.tag = __WASI_EVENTTYPE_FD_WRITE},
                                   {.userdata = 3, .u.tag = __WASI_EVENTTYPE_CLOCK}};
    in[0].u.u.fd_read.file_descriptor = in[1].u.u.fd_write.file_descriptor = fd;
    in[2].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    __wasi_event_t out[3];
    __wasi_size_t n = 0;
    *readable = *writable = false;
    if (__wasi_poll_oneoff(in, out, 3, &n) != 0) return;
    for (size_t i = 0; i < n; i++) {
        *readable |= out[i].userdata == 1;
        *writable |= out[i].userdata == 2;
    }
}

#else
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
typedef struct sockaddr_in address_t;

static const char *name_of(int error) {
    switch (error) {
        case 0: return "success";
        case EAGAIN: return "again";
        case EBADF: return "badf";
        case EINVAL: return "inval";
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
static int make_pair(int *one, int *other) {
    int pair[2];
    int error = outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    *one = pair[0], *other = pair[1];
    return error;
}
static int receive(int fd, __wasi_iovec_t *into, size_t count, int flags, size_t *n) {
    struct msghdr message = {.msg_iov = (struct iovec *)into, .msg_iovlen = count};
    ssize_t got = recvmsg(fd, &message, (flags & PEEK ? MSG_PEEK : 0) | (flags & WAITALL ? MSG_WAITALL : 0));
    *n = got == -1 ? 0 : (size_t)got;
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
static int accept_one(int fd, bool nonblock, int *accepted) {
    *accepted = accept4(fd, NULL, NULL, nonblock ? SOCK_NONBLOCK : 0);
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
static int listener(int *fd, address_t *address) {
    *address = (address_t){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof *address;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    if (*fd == -1 || bind(*fd, (struct sockaddr *)address, length) == -1 || listen(*fd, 4) == -1) return errno;
    return outcome(getsockname(*fd, (struct sockaddr *)address, &length));
}
static int connect_to(const address_t *address, int *fd) {
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    return outcome(connect(*fd, (const struct sockaddr *)address, sizeof *address));
}
static const char *file_type(int fd) {
    struct stat stat;
    return fstat(fd, &stat) == 0 && S_ISSOCK(stat.st_mode) ? "stream" : "none";
}
static void ready(int fd, bool *readable, bool *writable) {
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
    poll(&one, 1, 0);
    *readable = (one.revents & POLLIN) != 0;
    *writable = (one.revents & POLLOUT) != 0;
}
#endif

#endif
