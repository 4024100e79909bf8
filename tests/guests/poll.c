/* poll_oneoff. */
#include "case.h"

#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)
#define ABSOLUTE __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME

static __wasi_subscription_t clock_at(uint64_t userdata, __wasi_clockid_t id, uint64_t timeout, uint16_t flags) {
    __wasi_subscription_t s = {.userdata = userdata, .u.tag = __WASI_EVENTTYPE_CLOCK};
    s.u.u.clock = (__wasi_subscription_clock_t){.id = id, .timeout = timeout, .flags = flags};
    return s;
}

static __wasi_subscription_t ready(uint64_t userdata, __wasi_eventtype_t type, fd_t fd) {
    __wasi_subscription_t s = {.userdata = userdata, .u.tag = type};
    s.u.u.fd_read.file_descriptor = fd;
    return s;
}

/* Prints what happened, in order of userdata, since the order of events is not promised. */
static void poll(const char *name, const __wasi_subscription_t *in, size_t count) {
    __wasi_event_t out[8];
    __wasi_size_t n = 0;
    memset(out, 0, sizeof out);
    error_t error = __wasi_poll_oneoff(in, out, count, &n);
    char text[512] = "";
    size_t length = (size_t)snprintf(text, sizeof text, "%zu", n);
    for (uint64_t userdata = 0; userdata < 16; userdata++)
        for (size_t i = 0; error == 0 && i < n && i < 8; i++)
            if ((out[i].userdata & 15) == userdata && length < sizeof text)
                length += (size_t)snprintf(text + length, sizeof text - length, ", %llx type %d %s", out[i].userdata,
                                           out[i].type, errno_name(out[i].error));
    report_value(name, error, "%s", text);
}

#define POLL(name, ...)                                      \
    do {                                                     \
        __wasi_subscription_t in[] = {__VA_ARGS__};          \
        poll(name, in, sizeof in / sizeof *in);              \
    } while (0)

/* Several are ready at once, and how many of them one call reports is the host's choice: asks again
 * for those not yet reported. */
static void drain(const char *name, const __wasi_subscription_t *in, size_t count) {
    bool seen[8] = {false};
    char text[64] = "all of";
    error_t error = 0;
    for (int round = 0; round < 8 && error == 0; round++) {
        __wasi_subscription_t left[8];
        __wasi_event_t out[8];
        __wasi_size_t n = 0, asked = 0;
        for (size_t i = 0; i < count; i++)
            if (!seen[i]) left[asked++] = in[i];
        if (asked == 0) break;
        error = __wasi_poll_oneoff(left, out, asked, &n);
        for (size_t j = 0; error == 0 && j < n; j++)
            for (size_t i = 0; i < count; i++)
                if (in[i].userdata == out[j].userdata) {
                    seen[i] = true;
                    error = out[j].error;
                }
    }
    for (size_t i = 0; i < count; i++)
        if (seen[i]) snprintf(text + strlen(text), sizeof text - strlen(text), " %llu", in[i].userdata);
    report_value(name, error, "%s", text);
}

#define DRAIN(name, ...)                                     \
    do {                                                     \
        __wasi_subscription_t in[] = {__VA_ARGS__};          \
        drain(name, in, sizeof in / sizeof *in);             \
    } while (0)

static uint64_t now(__wasi_clockid_t id) {
    __wasi_timestamp_t time = 0;
    must(__wasi_clock_time_get(id, 1, &time));
    return time;
}

static void clocks(fd_t dir) {
    (void)dir;
    report("poll_oneoff nothing", __wasi_poll_oneoff((__wasi_subscription_t[1]){0}, (__wasi_event_t[1]){0}, 0,
                                                     &(__wasi_size_t){0}));
    POLL("poll_oneoff relative monotonic", clock_at(0xabcdef0123456781, 1, MILLISECOND, 0));
    POLL("poll_oneoff relative realtime", clock_at(2, 0, MILLISECOND, 0));
    POLL("poll_oneoff no time at all", clock_at(3, 1, 0, 0));
    POLL("poll_oneoff absolute monotonic", clock_at(4, 1, now(1) + MILLISECOND, ABSOLUTE));
    POLL("poll_oneoff absolute realtime", clock_at(5, 0, now(0) + MILLISECOND, ABSOLUTE));
    POLL("poll_oneoff absolute past", clock_at(6, 1, 1, ABSOLUTE));
    POLL("poll_oneoff absolute realtime past", clock_at(7, 0, 1, ABSOLUTE));
    POLL("poll_oneoff earlier of two", clock_at(8, 1, 3600 * SECOND, 0), clock_at(9, 1, MILLISECOND, 0));
    POLL("poll_oneoff earlier of two clocks", clock_at(1, 0, 3600 * SECOND, 0), clock_at(2, 1, MILLISECOND, 0));
    DRAIN("poll_oneoff two past", clock_at(1, 1, 1, ABSOLUTE), clock_at(2, 0, 1, ABSOLUTE));
    POLL("poll_oneoff longest of times as well", clock_at(1, 1, UINT64_MAX, 0), clock_at(2, 1, 0, 0));
    POLL("poll_oneoff longest absolute as well", clock_at(1, 0, UINT64_MAX, ABSOLUTE), clock_at(2, 1, 0, 0));

    uint64_t before = now(1);
    POLL("poll_oneoff twenty milliseconds", clock_at(1, 1, 20 * MILLISECOND, 0));
    report_value("poll_oneoff sleeps no less than asked", 0, "%d", now(1) - before >= 20 * MILLISECOND);
    uint64_t until = now(0) + 20 * MILLISECOND;
    POLL("poll_oneoff until", clock_at(1, 0, until, ABSOLUTE));
    report_value("poll_oneoff sleeps until the time asked", 0, "%d", now(0) >= until);

    static __wasi_subscription_t many[200];
    static __wasi_event_t events[200];
    for (size_t i = 0; i < 200; i++) many[i] = clock_at(i, 1, i == 150 ? 0 : 3600 * SECOND, 0);
    __wasi_size_t n = 0;
    error_t error = __wasi_poll_oneoff(many, events, 200, &n);
    report_value("poll_oneoff one of many", error, "%zu %llu", n, events[0].userdata);
}

#define READ __WASI_EVENTTYPE_FD_READ
#define WRITE __WASI_EVENTTYPE_FD_WRITE

static void descriptors(fd_t dir) {
    create(dir, "f", "hello");
    fd_t fd = open_file(dir, "f", 0), empty = open_file(dir, "empty", CREAT);
    POLL("poll_oneoff reading a file", ready(1, READ, fd));
    POLL("poll_oneoff writing a file", ready(2, WRITE, fd));
    DRAIN("poll_oneoff reading and writing a file", ready(1, READ, fd), ready(2, WRITE, fd));
    POLL("poll_oneoff reading an empty file", ready(1, READ, empty));
    POLL("poll_oneoff file and a long time", ready(1, READ, fd), clock_at(2, 1, 3600 * SECOND, 0));
    POLL("poll_oneoff a long time and a file", clock_at(1, 1, 3600 * SECOND, 0), ready(2, READ, fd));
    DRAIN("poll_oneoff two files", ready(1, READ, fd), ready(2, WRITE, empty));
    DRAIN("poll_oneoff same twice", ready(1, READ, fd), ready(2, READ, fd));
    POLL("poll_oneoff directory", ready(1, READ, dir), clock_at(2, 1, 3600 * SECOND, 0));
    POLL("poll_oneoff standard output", ready(1, WRITE, 1), clock_at(2, 1, 3600 * SECOND, 0));
    POLL("poll_oneoff standard input with data", ready(1, READ, 0), clock_at(2, 1, 3600 * SECOND, 0));
    POLL("poll_oneoff never opened", ready(1, READ, 1000000));
    POLL("poll_oneoff never opened for writing", ready(1, WRITE, 1000000));
    POLL("poll_oneoff negative descriptor", ready(1, READ, -1));
    POLL("poll_oneoff never opened and a file", ready(1, READ, 1000000), ready(2, READ, fd));
    POLL("poll_oneoff never opened and a long time", ready(1, READ, 1000000), clock_at(2, 1, 3600 * SECOND, 0));

    __wasi_subscription_t in = ready(1, READ, fd);
    __wasi_event_t out = {0};
    __wasi_size_t n = 0;
    error_t error = __wasi_poll_oneoff(&in, &out, 1, &n);
    report_value("poll_oneoff bytes to read in a file", error, "%llu flags %d", out.fd_readwrite.nbytes,
                 out.fd_readwrite.flags);
    must(__wasi_fd_seek(fd, 2, __WASI_WHENCE_SET, &(uint64_t){0}));
    error = __wasi_poll_oneoff(&in, &out, 1, &n);
    report_value("poll_oneoff bytes to read from the offset", error, "%llu", out.fd_readwrite.nbytes);
    close_fd(fd), close_fd(empty);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "clocks", clocks);
    group(scratch, "descriptors", descriptors);
    return 0;
}
