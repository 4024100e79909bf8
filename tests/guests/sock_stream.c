/* sock_accept, sock_recv, sock_send, sock_shutdown on sockets, which preview1 cannot make: those of
 * `sockets.h` come from whoever starts the program, who closes standard input when they are the
 * program's alone. argv[1] is a directory that can be opened. */
#include "sockets.h"

static char buffer[64];
static size_t n;

static void show(const char *name, int error) {
    if (error == 0)
        printf("%s -> success %zu\n", name, n);
    else
        printf("%s -> %s\n", name, name_of(error));
    fflush(stdout);
}

static void show_text(const char *name, int error) {
    if (error == 0)
        printf("%s -> success %zu [%.*s]\n", name, n, (int)n, buffer);
    else
        printf("%s -> %s\n", name, name_of(error));
    fflush(stdout);
}

static void show_plain(const char *name, int error) {
    printf("%s -> %s\n", name, name_of(error));
    fflush(stdout);
}

static void show_ready(const char *name, int fd) {
    readiness_t found = ready(fd);
    printf("%s -> success read %d write %d hangup %d\n", name, found.readable, found.writable, found.hangup);
    fflush(stdout);
}

static int send_text(int fd, const char *text) {
    __wasi_ciovec_t from = {(const uint8_t *)text, strlen(text)};
    n = 0;
    return send_all(fd, &from, 1, &n);
}

static bool truncated;
static int receive_text(int fd, size_t size, int flags) {
    __wasi_iovec_t into = {(uint8_t *)buffer, size};
    n = 0;
    return receive(fd, &into, 1, flags, &n, &truncated);
}

static void show_datagram(const char *name, size_t size, int flags) {
    int error = receive_text(DATAGRAM_OTHER, size, flags);
    if (error == 0)
        printf("%s -> success %zu [%.*s] truncated %d\n", name, n, (int)n, buffer, truncated);
    else
        printf("%s -> %s\n", name, name_of(error));
    fflush(stdout);
}

/* Fills a socket whose peer does not read, then lets the peer read everything. */
static void until_full(int from_fd, int to_fd) {
    static uint8_t block[65536];
    size_t sent = 0, received = 0, count = 0;
    int error;
    __wasi_ciovec_t from = {block, sizeof block};
    while ((error = send_all(from_fd, &from, 1, &count)) == 0) sent += count;
    printf("sock_send full socket -> %s\n", name_of(error));
    show_ready("poll_oneoff full socket", from_fd);
    __wasi_iovec_t into = {block, sizeof block};
    while (received < sent && receive(to_fd, &into, 1, 0, &count, &truncated) == 0 && count > 0)
        received += count;
    printf("sock_recv everything from a full socket -> success %d\n", sent > 0 && received == sent);
    show_ready("poll_oneoff socket that was full", from_fd);
}

static void pairs(void) {
    const int one = PAIR_ONE, other = PAIR_OTHER;
    printf("fd_fdstat_get stream socket -> success %s\n", file_type(one));
    show("sock_send simple", send_text(one, "hello"));
    show_ready("poll_oneoff socket with data", other);
    printf("poll_oneoff socket with five bytes -> success %d\n", (int)available(other));
    show_text("sock_recv peek", receive_text(other, 64, PEEK));
    show_text("sock_recv part", receive_text(other, 3, 0));
    show_text("sock_recv peek at the rest", receive_text(other, 64, PEEK));
    show_text("sock_recv rest", receive_text(other, 64, 0));
    show_ready("poll_oneoff socket without data", other);
    __wasi_ciovec_t three[3] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"", 0}, {(const uint8_t *)"cdef", 4}};
    n = 0;
    show("sock_send gathers", send_all(one, three, 3, &n));
    char a[4] = {0}, b[16] = {0};
    __wasi_iovec_t two[2] = {{(uint8_t *)a, 3}, {(uint8_t *)b, 15}};
    n = 0;
    int error = receive(other, two, 2, 0, &n, &truncated);
    printf("sock_recv scatters -> %s %zu [%s] [%s]\n", name_of(error), n, a, b);
    send_text(one, "first");
    send_text(one, "second");
    show_text("sock_recv all of two", receive_text(other, 11, WAITALL));
    show("sock_send nothing", send_text(one, ""));
    show("fd_write socket", write_one(other, "back", &n));
    error = read_one(one, buffer, sizeof buffer, &n);
    show_text("fd_read socket", error);
    show_plain("fd_seek socket", seek_one(one));
    show_plain("fd_sync socket", sync_one(one));
    show_plain("fd_filestat_set_size socket", resize_one(one));
    show_plain("sock_accept not listening", accept_one(one, 0, &(int){-1}));

    show_plain("fd_fdstat_set_flags socket nonblock", nonblocking(other));
    show("sock_recv nonblocking, nothing there", receive_text(other, 64, 0));
    show("sock_recv nonblocking, nothing to peek at", receive_text(other, 64, PEEK));
    show("sock_recv nonblocking, nothing of all", receive_text(other, 64, WAITALL));
    error = read_one(other, buffer, sizeof buffer, &n);
    show("fd_read nonblocking socket, nothing there", error);
    send_text(one, "some");
    show_text("sock_recv nonblocking, some of all", receive_text(other, 64, WAITALL));
    until_full(other, one);

    show_plain("sock_shutdown neither way", shut(one, 0));
    show_plain("sock_shutdown no such way", shut(one, 4));
    send_text(one, "last");
    show_plain("sock_shutdown sending", shut(one, SHUT_WRITE));
    show_plain("sock_shutdown sending twice", shut(one, SHUT_WRITE));
    show("sock_send after shutdown", send_text(one, "x"));
    show("fd_write socket after shutdown", write_one(one, "x", &n));
    show_text("sock_recv all, less before the end", receive_text(other, 64, WAITALL));
    show("sock_recv after the peer's shutdown", receive_text(other, 64, 0));
    show("sock_recv all after the peer's shutdown", receive_text(other, 64, WAITALL));
    show_ready("poll_oneoff socket at its end", other);
    show("sock_send the other way", send_text(other, "still"));
    show_text("sock_recv the other way", receive_text(one, 64, 0));
    show_plain("sock_shutdown receiving", shut(one, SHUT_READ));
    show("sock_recv after shutdown", receive_text(one, 64, 0));
    show("fd_read socket after shutdown", read_one(one, buffer, sizeof buffer, &n));
    show("sock_send to a peer that receives no more", send_text(other, "x"));
    show_plain("fd_close socket", close_socket(one));
    show_ready("poll_oneoff socket with a closed peer", other);
    show("sock_send to a closed peer", send_text(other, "x"));
    show("sock_recv from a closed peer", receive_text(other, 64, 0));
    show_plain("sock_shutdown with a closed peer", shut(other, SHUT_READ | SHUT_WRITE));
    show_plain("fd_close socket with a closed peer", close_socket(other));
    show("sock_recv closed socket", receive_text(other, 64, 0));
    show("sock_send closed socket", send_text(other, "x"));
    show_plain("sock_shutdown closed socket", shut(other, SHUT_READ));
}

static void datagrams(void) {
    const int one = DATAGRAM_ONE;
    printf("fd_fdstat_get datagram socket -> success %s\n", file_type(one));
    send_text(one, "first");
    send_text(one, "second");
    printf("poll_oneoff datagrams -> success %d\n", (int)available(DATAGRAM_OTHER));
    show_datagram("sock_recv peek at part of a datagram", 3, PEEK);
    show_datagram("sock_recv part of a datagram", 3, 0);
    show_datagram("sock_recv datagram", 64, WAITALL);
    show("sock_send empty datagram", send_text(one, ""));
    show_datagram("sock_recv empty datagram", 64, 0);
    show_plain("sock_accept datagram", accept_one(one, 0, &(int){-1}));
    close_socket(one);
    show("sock_send datagram to a closed peer", send_text(DATAGRAM_OTHER, "x"));
    close_socket(DATAGRAM_OTHER);
}

static void connections(void) {
    int accepted = -1, second = -1;
    printf("fd_fdstat_get listening socket -> success %s\n", file_type(LISTENER));
    show("sock_recv listening", receive_text(LISTENER, 64, 0));
    show("sock_send listening", send_text(LISTENER, "x"));
    show_ready("poll_oneoff connection pending", LISTENER);
    show_plain("sock_accept no such flags", accept_one(LISTENER, ACCEPT_WRONGLY, &accepted));
    show_plain("sock_accept simple", accept_one(LISTENER, 0, &accepted));
    printf("fd_fdstat_get accepted socket -> success %s\n", file_type(accepted));
    show_plain("sock_accept nonblock", accept_one(LISTENER, ACCEPT_NONBLOCK, &second));
    show("sock_recv accepted with nonblock", receive_text(second, 64, 0));
    show_ready("poll_oneoff nobody pending", LISTENER);
    show_plain("fd_fdstat_set_flags listening nonblock", nonblocking(LISTENER));
    show_plain("sock_accept nobody there", accept_one(LISTENER, 0, &(int){-1}));

    show("sock_send to a server", send_text(CLIENT, "request"));
    wait_readable(accepted);
    show_text("sock_recv from a client", receive_text(accepted, 64, 0));
    show("sock_send to a client", send_text(accepted, "answer"));
    show_text("sock_recv from a server", receive_text(CLIENT, 6, WAITALL));
    show_plain("sock_shutdown server", shut(accepted, SHUT_WRITE));
    wait_readable(CLIENT);
    show("sock_recv after the server's shutdown", receive_text(CLIENT, 64, 0));
    show_ready("poll_oneoff client at its end", CLIENT);
    close_socket(CLIENT);
    wait_readable(accepted);
    show("sock_recv after the client closed", receive_text(accepted, 64, 0));
    show_ready("poll_oneoff connection ended by both", accepted);
    close_socket(accepted);

    /* A peer that closes without reading resets the connection. */
    send_text(second, "unread");
    wait_readable(SECOND_CLIENT);
    close_socket(SECOND_CLIENT);
    wait_readable(second);
    show_ready("poll_oneoff reset connection", second);
    show("sock_recv reset connection", receive_text(second, 64, 0));
    show("sock_recv after a reset", receive_text(second, 64, 0));
    show("sock_send after a reset", send_text(second, "x"));
    show_plain("sock_shutdown after a reset", shut(second, SHUT_READ | SHUT_WRITE));
    close_socket(second);

    show_plain("sock_shutdown listening", shut(LISTENER, SHUT_READ));
    show_plain("sock_accept after shutdown", accept_one(LISTENER, 0, &(int){-1}));
    show_plain("fd_close listening", close_socket(LISTENER));
    show_plain("sock_accept closed", accept_one(LISTENER, 0, &(int){-1}));
}

int main(int argc, char **argv) {
#ifndef __wasi__
    signal(SIGPIPE, SIG_IGN);
#endif
    if (argc < 2) return 1;
    while (getchar() != EOF) continue;
    DIR *directory = opendir(argv[1]);
    printf("fd_prestat_get directory after sockets -> success %d\n", directory != NULL);
    if (directory != NULL) closedir(directory);
    pairs();
    datagrams();
    connections();
    return 0;
}
