/* Pipes, copies of descriptors, counters and epoll. */
#include "unix.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static void copies(int dir) {
    create(dir, "f", "0123456789");
    int fd = must(openat(dir, "f", O_RDWR)), copy = must(dup(fd));
    char text[4] = {0};
    must(read(fd, text, 3));
    report_value("fd_dup shares the offset", read(copy, text, 3), "%s", text);
    report_value("fd_dup2 at least 40", fcntl(fd, F_DUPFD, 40), "%d", fcntl(40, F_GETFD));
    report("fd_dup2 same number", dup2(fd, fd) == fd ? 0 : -1);
    report("fd_dup2 over another", dup2(fd, 40) == 40 ? 0 : -1);
    report("fd_dup2 never opened", dup2(999, 41));
    report("fd_dup2 never opened, same number", dup2(999, 999));
    report("fd_dup never opened", dup(999));
    report("fd_dup2 negative", fcntl(fd, F_DUPFD, -1));
    must(fcntl(40, F_SETFL, O_APPEND));
    report_value("fd_dup shares flags", fcntl(fd, F_GETFL) & O_APPEND ? 1 : 0, "%d", !!(fcntl(copy, F_GETFL) & O_APPEND));
    int low = must(dup(fd));
    close(low);
    report_value("fd_dup takes the lowest", dup(fd) == low, "%d", low > 2);
    close(low), close(copy), close(40), close(fd);
}

static void pipes(int dir) {
    (void)dir;
    int from, to;
    char text[8] = {0}, page[4096] = {0};
    make_pipe(&from, &to);
    report_value("fd_pipe carries", write(to, "hello", 5), "%s", (must(read(from, text, 5)), text));
    report("fd_pipe write to the end that reads", write(from, "x", 1));
    report("fd_pipe read from the end that writes", read(to, text, 1));
    report("fd_pipe has no offset", lseek(from, 0, SEEK_CUR));
    must(fcntl(to, F_SETFL, O_NONBLOCK)), must(fcntl(from, F_SETFL, O_NONBLOCK));
    report("fd_pipe empty", read(from, text, 1));
    long all = 0;
    for (ssize_t written; all < 1 << 20 && (written = write(to, page, sizeof page)) > 0;) all += written;
    report_value("fd_pipe full", 0, "%ld %s", all, error_name(errno));
    struct pollfd both[] = {{from, POLLIN, 0}, {to, POLLOUT, 0}};
    report_value("fd_pipe full is not ready to write", poll(both, 2, 0), "%d %d", !!(both[0].revents & POLLIN),
                 !!(both[1].revents & POLLOUT));
    while (read(from, page, sizeof page) > 0) {}
    report_value("fd_pipe empty is ready to write", poll(both, 2, 0), "%d %d", !!(both[0].revents & POLLIN),
                 !!(both[1].revents & POLLOUT));
    close(to);
    report_value("fd_pipe end", read(from, text, 1), "%d", 0);
    close(from);
    make_pipe(&from, &to);
    close(from);
    signal(SIGPIPE, SIG_IGN);
    report("fd_pipe nobody reads", write(to, "x", 1));
    close(to);
}

/* 1 MiB through a pipe from a child, a prime at a time. */
static void much(int dir) {
    (void)dir;
    int from, to;
    make_pipe(&from, &to);
    pid_t child = fork();
    if (child == 0) {
        close(from);
        static unsigned char block[10007];
        unsigned value = 1;
        for (long left = 1 << 20; left > 0;) {
            size_t size = left < (long)sizeof block ? (size_t)left : sizeof block;
            for (size_t i = 0; i < size; i++) block[i] = (value = value * 1103515245 + 12345) >> 16;
            for (size_t done = 0; done < size;) {
                ssize_t written = write(to, block + done, size - done);
                if (written == -1) _exit(1);
                done += written;
            }
            left -= size;
        }
        _exit(0);
    }
    close(to);
    unsigned char block[4999];
    unsigned value = 1;
    long all = 0, wrong = 0;
    for (ssize_t got; (got = read(from, block, sizeof block)) > 0; all += got)
        for (ssize_t i = 0; i < got; i++)
            wrong += block[i] != (unsigned char)((value = value * 1103515245 + 12345) >> 16);
    report_value("fd_pipe a megabyte from a child", 0, "%ld, %ld wrong", all, wrong);
    report_end("fd_pipe the child that wrote it", child);
    close(from);
}

static void counters(int dir) {
    (void)dir;
    uint64_t value = 0, two = 2;
    int fd = eventfd(3, EFD_NONBLOCK);
    report_value("fd_event initial", read(fd, &value, 8), "%d", (int)value);
    report("fd_event empty", read(fd, &value, 8));
    must(write(fd, &two, 8)), must(write(fd, &two, 8));
    report_value("fd_event adds up", read(fd, &value, 8), "%d", (int)value);
    report("fd_event too short", read(fd, &value, 4));
    close(fd);
    fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    report_value("fd_event semaphore", read(fd, &value, 8), "%d", (int)value);
    report_value("fd_event semaphore again", read(fd, &value, 8), "%d", (int)value);
    report("fd_event semaphore empty", read(fd, &value, 8));
    uint64_t most = ~0ULL - 1;
    report("fd_event to its maximum", write(fd, &most, 8));
    report("fd_event beyond", write(fd, &two, 8));
    close(fd);
}

static void ready(const char *name, int set, int timeout) {
    struct epoll_event events[8];
    int count = epoll_wait(set, events, 8, timeout);
    char text[128] = "";
    for (int i = 0; i < count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, " %d:%x", (int)events[i].data.u64, events[i].events);
    }
    report_value(name, count, "%d%s", count, text);
}

static int change(int set, int op, int fd, unsigned events, int data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(set, op, fd, &event);
}

static void sets(int dir) {
    int set = epoll_create1(0), from, to;
    char text[16];
    make_pipe(&from, &to);
    ready("epoll_wait nothing in it", set, 0);
    report("epoll_ctl add", change(set, EPOLL_CTL_ADD, from, EPOLLIN, 1));
    report("epoll_ctl add twice", change(set, EPOLL_CTL_ADD, from, EPOLLIN, 1));
    ready("epoll_wait empty pipe", set, 0);
    must(write(to, "ab", 2));
    ready("epoll_wait level", set, -1);
    ready("epoll_wait level again", set, -1);
    must(change(set, EPOLL_CTL_MOD, from, EPOLLIN | EPOLLET, 2));
    ready("epoll_wait edge", set, 0);
    ready("epoll_wait edge again", set, 0);
    must(write(to, "c", 1));
    ready("epoll_wait edge, written to", set, 0);
    must(change(set, EPOLL_CTL_MOD, from, EPOLLIN | EPOLLONESHOT, 3));
    ready("epoll_wait one shot", set, 0);
    ready("epoll_wait one shot again", set, 0);
    must(change(set, EPOLL_CTL_MOD, from, EPOLLIN, 4));
    ready("epoll_wait armed again", set, 0);
    must(change(set, EPOLL_CTL_ADD, to, EPOLLOUT, 5));
    must(read(from, text, 16));
    ready("epoll_wait room in a pipe", set, 0);
    report("epoll_ctl delete", epoll_ctl(set, EPOLL_CTL_DEL, to, NULL));
    report("epoll_ctl delete twice", epoll_ctl(set, EPOLL_CTL_DEL, to, NULL));
    report("epoll_ctl modify what is not in it", change(set, EPOLL_CTL_MOD, to, EPOLLOUT, 1));
    close(to);
    ready("epoll_wait hung up", set, 0);
    close(from);
    ready("epoll_wait closed", set, 0);
    report("epoll_ctl never opened", change(set, EPOLL_CTL_ADD, 999, EPOLLIN, 1));
    report("epoll_ctl set never opened", change(999, EPOLL_CTL_ADD, 0, EPOLLIN, 1));
    int file = must(openat(dir, "f", O_RDONLY));
    report("epoll_ctl file", change(set, EPOLL_CTL_ADD, file, EPOLLIN, 1));
    report("epoll_ctl not a set", change(file, EPOLL_CTL_ADD, 0, EPOLLIN, 1));
    report("epoll_ctl itself", change(set, EPOLL_CTL_ADD, set, EPOLLIN, 1));
    struct epoll_event event;
    report("epoll_wait room for none", epoll_wait(set, &event, 0, 0));
    report("epoll_wait not a set", epoll_wait(file, &event, 1, 0));
    report("epoll_wait never opened", epoll_wait(999, &event, 1, 0));

    int counter = eventfd(0, 0);
    uint64_t one = 1;
    must(change(set, EPOLL_CTL_ADD, counter, EPOLLIN, 6));
    pid_t child = fork();
    if (child == 0) _exit(write(counter, &one, 8) == 8 ? 0 : 1);
    ready("epoll_wait woken by a child", set, -1);
    must(waitpid(child, NULL, 0));
    int outer = epoll_create1(0);
    report("epoll_create within another", change(outer, EPOLL_CTL_ADD, set, EPOLLIN, 7));
    ready("epoll_wait set within a set", outer, 0);
    close(file), close(counter), close(set), close(outer);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int dir = must(open(argv[2], O_RDONLY | O_DIRECTORY));
    copies(dir);
    pipes(dir);
    much(dir);
    counters(dir);
    sets(dir);
    unlinkat(dir, "f", 0);
    close(dir);
    return 0;
}
