/* sock_accept, sock_recv, sock_send, sock_shutdown on descriptors that are no sockets. */
#include "case.h"

static void all(const char *what, fd_t fd) {
    char name[96], buffer[8];
    __wasi_iovec_t into = {(uint8_t *)buffer, sizeof buffer};
    __wasi_ciovec_t from = {(const uint8_t *)"x", 1};
    __wasi_size_t n;
    __wasi_roflags_t flags;
    fd_t other;
#define ON(function, call)                                        \
    do {                                                          \
        snprintf(name, sizeof name, "%s %s", function, what);     \
        report(name, call);                                       \
    } while (0)
    ON("sock_accept", __wasi_sock_accept(fd, 0, &other));
    ON("sock_recv", __wasi_sock_recv(fd, &into, 1, 0, &n, &flags));
    ON("sock_send", __wasi_sock_send(fd, &from, 1, 0, &n));
    ON("sock_shutdown", __wasi_sock_shutdown(fd, __WASI_SDFLAGS_RD | __WASI_SDFLAGS_WR));
#undef ON
}

static void cases(fd_t dir) {
    fd_t fd = open_file(dir, "f", CREAT);
    all("file", fd);
    close_fd(fd);
    all("directory", dir);
    all("standard input", 0);
    all("standard output", 1);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "sock", cases);
    return 0;
}
