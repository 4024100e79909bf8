/* poll, nanosleep. */
#include "posix.h"
#include <poll.h>
#include <time.h>

static void cases(int dir) {
    create(dir, "f", "hello");
    int fd = must(openat(dir, "f", O_RDWR));
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
    int n = poll(&one, 1, -1);
    report_value("poll file", n, "%d in %d out %d", n, (one.revents & POLLIN) != 0, (one.revents & POLLOUT) != 0);
    one.events = POLLIN;
    n = poll(&one, 1, 0);
    report_value("poll file for reading", n, "%d in %d out %d", n, (one.revents & POLLIN) != 0,
                 (one.revents & POLLOUT) != 0);
    close(fd);
    n = poll(&one, 1, 10000);
    report_value("poll closed", n, "%d invalid %d", n, (one.revents & POLLNVAL) != 0);
    struct pollfd two[2] = {{.fd = 1, .events = POLLOUT}, {.fd = fd, .events = POLLIN}};
    n = poll(two, 2, 10000);
    report_value("poll output and closed", n, "%d out %d invalid %d", n, (two[0].revents & POLLOUT) != 0,
                 (two[1].revents & POLLNVAL) != 0);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    n = poll(&input, 1, 10000);
    report_value("poll standard input", n, "%d in %d", n, (input.revents & POLLIN) != 0);
    struct timespec short_time = {0, 1000000}, bad = {0, 1000000000};
    report("nanosleep short", nanosleep(&short_time, NULL));
    report("nanosleep bad", nanosleep(&bad, NULL));
}

int main(int argc, char **argv) {
    if (argc < 2) return 1;
    group(argv[1], "poll", cases);
    return 0;
}
