/* sock_accept, sock_recv, sock_send, sock_shutdown on stream sockets, which preview1 cannot make:
 * on wasm they come from WASIX's sock_pair and sock_open, natively from socketpair and socket. */
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
    bool readable, writable;
    ready(fd, &readable, &writable);
    printf("%s -> success read %d write %d\n", name, readable, writable);
    fflush(stdout);
}

static int send_text(int fd, const char *text) {
    __wasi_ciovec_t from = {(const uint8_t *)text, strlen(text)};
    n = 0;
    return send_all(fd, &from, 1, &n);
}

static int receive_text(int fd, size_t size, int flags) {
    __wasi_iovec_t into = {(uint8_t *)buffer, size};
    n = 0;
    return receive(fd, &into, 1, flags, &n);
}

static void pairs(void) {
    int one = -1, other = -1;
    if (make_pair(&one, &other) != 0) {
        printf("setup sock_pair -> failed\n");
        return;
    }
    printf("fd_fdstat_get socket -> success %s\n", file_type(one));
    show("sock_send simple", send_text(one, "hello"));
    show_ready("poll_oneoff socket with data", other);
    show_text("sock_recv peek", receive_text(other, 64, PEEK));
    show_text("sock_recv part", receive_text(other, 3, 0));
    show_text("sock_recv rest", receive_text(other, 64, 0));
    show_ready("poll_oneoff socket without data", other);
    __wasi_ciovec_t three[3] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"", 0}, {(const uint8_t *)"cdef", 4}};
    n = 0;
    show("sock_send gathers", send_all(one, three, 3, &n));
    char a[4] = {0}, b[16] = {0};
    __wasi_iovec_t two[2] = {{(uint8_t *)a, 3}, {(uint8_t *)b, 15}};
    n = 0;
    int error = receive(other, two, 2, 0, &n);
    printf("sock_recv scatters -> %s %zu [%s] [%s]\n", name_of(error), n, a, b);
    send_text(one, "first");
    send_text(one, "second");
    show_text("sock_recv all of two", receive_text(other, 11, WAITALL));
    show("sock_send nothing", send_text(one, ""));
    show("fd_write socket", write_one(other, "back", &n));
    error = read_one(one, buffer, sizeof buffer, &n);
    show_text("fd_read socket", error);
    show_plain("fd_seek socket", seek_one(one));

    show_plain("fd_fdstat_set_flags socket nonblock", nonblocking(other));
    show("sock_recv nonblocking, nothing there", receive_text(other, 64, 0));
    show("sock_recv nonblocking, nothing to peek at", receive_text(other, 64, PEEK));
    show_plain("sock_accept not listening", accept_one(one, false, &(int){-1}));
    show_plain("sock_shutdown neither way", shut(one, 0));
    show_plain("sock_shutdown no such way", shut(one, 4));

    send_text(one, "last");
    show_plain("sock_shutdown sending", shut(one, SHUT_WRITE));
    show_plain("sock_shutdown sending twice", shut(one, SHUT_WRITE));
    show("sock_send after shutdown", send_text(one, "x"));
    show_text("sock_recv what was sent before", receive_text(other, 64, 0));
    show("sock_recv after the peer's shutdown", receive_text(other, 64, 0));
    show_ready("poll_oneoff socket at its end", other);
    show("sock_send the other way", send_text(other, "still"));
    show_text("sock_recv the other way", receive_text(one, 64, 0));
    show_plain("sock_shutdown receiving", shut(one, SHUT_READ));
    show("sock_recv after shutdown", receive_text(one, 64, 0));
    show("sock_send to a peer that receives no more", send_text(other, "x"));
    close_socket(one);
    show("sock_send to a closed peer", send_text(other, "x"));
    show("sock_recv from a closed peer", receive_text(other, 64, 0));
    show_plain("sock_shutdown with a closed peer", shut(other, SHUT_READ | SHUT_WRITE));
    show_plain("fd_close socket", close_socket(other));
    show("sock_recv closed socket", receive_text(other, 64, 0));
}

static void connections(void) {
    int server = -1, client = -1, accepted = -1;
    address_t address;
    if (listener(&server, &address) != 0) {
        printf("setup listener -> failed\n");
        return;
    }
    show("sock_recv listening", receive_text(server, 64, 0));
    show_plain("fd_fdstat_set_flags listening nonblock", nonblocking(server));
    show_plain("sock_accept nobody there", accept_one(server, false, &accepted));
    show_plain("sock_connect", connect_to(&address, &client));
    show_plain("sock_accept simple", accept_one(server, true, &accepted));
    show("sock_recv accepted with nonblock", receive_text(accepted, 64, 0));
    show("sock_send to a server", send_text(client, "request"));
    for (int round = 0; round < 1000000; round++) {
        bool readable, writable;
        ready(accepted, &readable, &writable);
        if (readable) break;
    }
    show_text("sock_recv from a client", receive_text(accepted, 64, 0));
    show("sock_send to a client", send_text(accepted, "answer"));
    show_text("sock_recv from a server", receive_text(client, 6, WAITALL));
    close_socket(accepted);
    show("sock_recv after the server closed", receive_text(client, 64, 0));
    close_socket(client);
    show_plain("fd_close listening", close_socket(server));
    show_plain("sock_accept closed", accept_one(server, false, &accepted));
    show_plain("sock_connect nobody listens", connect_to(&address, &client));
    close_socket(client);
}

int main(void) {
#ifndef __wasi__
    signal(SIGPIPE, SIG_IGN);
#endif
    pairs();
    connections();
    return 0;
}
