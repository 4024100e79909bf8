/* Sets of descriptors to wait for. */
#include "wasix.h"

static error_t put(uint32_t set, uint32_t op, uint32_t fd, uint32_t events, uint64_t data) {
    wasix_epoll_event_t event = {.events = events, .data = {.fd = fd, .data2 = data}};
    return wasix_epoll_ctl(set, op, fd, &event);
}

/* What is ready within no time: `data:events` of each. */
static void ready(const char *name, uint32_t set) {
    wasix_epoll_event_t events[8];
    uint32_t count = 99;
    error_t error = wasix_epoll_wait(set, events, 8, 0, &count);
    char text[256] = "";
    for (uint32_t i = 0; error == 0 && i < count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, " %llu:%u", events[i].data.data2, events[i].events);
    }
    report_value(name, error, "%u%s", count, text);
}

int main(void) {
    uint32_t set = 0, from, to;
    __wasi_size_t count;
    char text[8];
    report("epoll_create new", wasix_epoll_create(&set));
    report("epoll_create outside of memory", wasix_epoll_create(OUTSIDE));
    must(wasix_fd_pipe(&from, &to));

    ready("epoll_wait nothing in it", set);
    report("epoll_ctl add", put(set, WASIX_EPOLL_ADD, from, WASIX_EPOLL_IN, 7));
    ready("epoll_wait empty pipe", set);
    must(write_once(to, "ab", &count));
    ready("epoll_wait level", set);
    ready("epoll_wait level again", set);
    report("epoll_ctl add twice", put(set, WASIX_EPOLL_ADD, from, WASIX_EPOLL_IN, 7));
    report("epoll_ctl modify", put(set, WASIX_EPOLL_MOD, from, WASIX_EPOLL_IN, 8));
    ready("epoll_wait modified", set);
    must(read_once(from, text, 8, &count));
    ready("epoll_wait after it was read", set);

    report("epoll_ctl edge", put(set, WASIX_EPOLL_MOD, from, WASIX_EPOLL_IN | WASIX_EPOLL_ET, 9));
    must(write_once(to, "ab", &count));
    ready("epoll_wait edge", set);
    ready("epoll_wait edge again", set);
    must(write_once(to, "c", &count));
    ready("epoll_wait edge, written to again", set);

    report("epoll_ctl one shot", put(set, WASIX_EPOLL_MOD, from, WASIX_EPOLL_IN | WASIX_EPOLL_ONESHOT, 10));
    ready("epoll_wait one shot", set);
    ready("epoll_wait one shot again", set);
    report("epoll_ctl arm again", put(set, WASIX_EPOLL_MOD, from, WASIX_EPOLL_IN | WASIX_EPOLL_ONESHOT, 11));
    ready("epoll_wait armed again", set);

    report("epoll_ctl add the other end", put(set, WASIX_EPOLL_ADD, to, WASIX_EPOLL_OUT, 12));
    ready("epoll_wait room in a pipe", set);
    report("epoll_ctl delete", wasix_epoll_ctl(set, WASIX_EPOLL_DEL, to, NULL));
    ready("epoll_wait deleted", set);
    report("epoll_ctl delete twice", wasix_epoll_ctl(set, WASIX_EPOLL_DEL, to, NULL));
    report("epoll_ctl modify what is not in it", put(set, WASIX_EPOLL_MOD, to, WASIX_EPOLL_OUT, 1));

    must(put(set, WASIX_EPOLL_MOD, from, WASIX_EPOLL_IN, 13));
    must(read_once(from, text, 8, &count));
    close_fd(to);
    ready("epoll_wait hung up", set);
    close_fd(from);
    ready("epoll_wait closed descriptor", set);

    uint32_t event;
    must(wasix_fd_event(0, 0, &event));
    must(put(set, WASIX_EPOLL_ADD, event, WASIX_EPOLL_IN, 14));
    ready("epoll_wait counter of nothing", set);
    uint64_t one = 1;
    __wasi_ciovec_t buffer = {(const uint8_t *)&one, 8};
    must(__wasi_fd_write(event, &buffer, 1, &count));
    ready("epoll_wait counter", set);
    uint32_t copy;
    must(wasix_fd_dup(set, &copy));
    ready("epoll_wait copy of the set", copy);

    wasix_epoll_event_t events[1];
    uint32_t got = 9;
    must(wasix_epoll_ctl(set, WASIX_EPOLL_DEL, event, NULL));
    report_value("epoll_wait a millisecond", wasix_epoll_wait(set, events, 1, 1000000, &got), "%u", got);
    report("epoll_wait room for none", wasix_epoll_wait(set, events, 0, 0, &got));
    report("epoll_wait outside of memory", wasix_epoll_wait(set, OUTSIDE, 1, 0, &got));
    report("epoll_wait not a set", wasix_epoll_wait(event, events, 1, 0, &got));
    report("epoll_wait never opened", wasix_epoll_wait(9999, events, 1, 0, &got));
    report("epoll_ctl not a set", put(event, WASIX_EPOLL_ADD, event, WASIX_EPOLL_IN, 1));
    report("epoll_ctl set never opened", put(9999, WASIX_EPOLL_ADD, event, WASIX_EPOLL_IN, 1));
    report("epoll_ctl never opened", put(set, WASIX_EPOLL_ADD, 9999, WASIX_EPOLL_IN, 1));
    report("epoll_ctl itself", put(set, WASIX_EPOLL_ADD, set, WASIX_EPOLL_IN, 1));
    report("epoll_ctl unknown operation", put(set, 9, event, WASIX_EPOLL_IN, 1));
    report("epoll_ctl event outside of memory", wasix_epoll_ctl(set, WASIX_EPOLL_ADD, event, OUTSIDE));
    return 0;
}
