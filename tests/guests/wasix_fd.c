/* Descriptors: copies, their flag for exec, pipes and counters. */
#include "wasix.h"

static void copies(fd_t dir) {
    uint32_t fd, copy = 0;
    create(dir, "f", "hello");
    fd = open_file(dir, "f", 0);
    report_value("fd_dup file", wasix_fd_dup(fd, &copy), "%d", copy > fd);
    char text[3] = {0};
    __wasi_size_t got;
    must(read_once(fd, text, 2, &got));
    report_value("fd_dup shares the offset", read_once(copy, text, 2, &got), "%s", text);
    close_fd(fd);
    report_value("fd_dup outlives the first", read_once(copy, text, 1, &got), "%c", text[0]);
    report("fd_dup closed descriptor", wasix_fd_dup(fd, &copy));
    report("fd_dup never opened", wasix_fd_dup(9999, &copy));
    report("fd_dup outside of memory", wasix_fd_dup(1, OUTSIDE));

    fd = open_file(dir, "f", 0);
    uint32_t high = 0;
    report_value("fd_dup2 at least 50", wasix_fd_dup2(fd, 50, 0, &high), "%d", high >= 50);
    uint16_t flags = 9;
    report_value("fd_fdflags_get of a copy", wasix_fd_fdflags_get(high, &flags), "%d", flags);
    uint32_t next = 0;
    report_value("fd_dup2 the next one", wasix_fd_dup2(fd, high, 1, &next), "%d", next - high);
    report_value("fd_dup2 closed on exec", wasix_fd_fdflags_get(next, &flags), "%d", flags);
    report("fd_dup2 never opened", wasix_fd_dup2(9999, 0, 0, &copy));
    report("fd_dup2 outside of memory", wasix_fd_dup2(fd, 0, 0, OUTSIDE));
    close_fd(fd), close_fd(high), close_fd(next);
}

static void flags(fd_t dir) {
    create(dir, "f", "");
    fd_t fd = open_file(dir, "f", 0);
    uint16_t value = 9;
    report_value("fd_fdflags_get file", wasix_fd_fdflags_get(fd, &value), "%d", value);
    report("fd_fdflags_set close on exec", wasix_fd_fdflags_set(fd, 1));
    report_value("fd_fdflags_get close on exec", wasix_fd_fdflags_get(fd, &value), "%d", value);
    uint32_t copy;
    must(wasix_fd_dup(fd, &copy));
    report_value("fd_fdflags_get copy of one that closes", wasix_fd_fdflags_get(copy, &value), "%d", value);
    report("fd_fdflags_set to stay open", wasix_fd_fdflags_set(fd, 0));
    report_value("fd_fdflags_get to stay open", wasix_fd_fdflags_get(fd, &value), "%d", value);
    report("fd_fdflags_get never opened", wasix_fd_fdflags_get(9999, &value));
    report("fd_fdflags_set never opened", wasix_fd_fdflags_set(9999, 1));
    report("fd_fdflags_get outside of memory", wasix_fd_fdflags_get(fd, OUTSIDE));
    close_fd(fd), close_fd(copy);
}

static void open2(fd_t dir) {
    uint32_t fd = 0;
    uint16_t value = 9;
    create(dir, "f", "hello");
    report("path_open2 file", wasix_path_open2(dir, FOLLOW, TEXT("f"), 0, RIGHTS_READ, RIGHTS_READ, 0, 0, &fd));
    report_value("path_open2 stays open", wasix_fd_fdflags_get(fd, &value), "%d", value);
    char text[6] = {0};
    __wasi_size_t got;
    report_value("path_open2 file is read", read_once(fd, text, 5, &got), "%s", text);
    close_fd(fd);
    report("path_open2 closed on exec", wasix_path_open2(dir, FOLLOW, TEXT("f"), 0, RIGHTS_READ, RIGHTS_READ, 0, 1, &fd));
    report_value("path_open2 has the flag", wasix_fd_fdflags_get(fd, &value), "%d", value);
    close_fd(fd);
    report("path_open2 create", wasix_path_open2(dir, FOLLOW, TEXT("new"), CREAT | EXCL, RIGHTS_ALL, RIGHTS_ALL, 0, 0, &fd));
    close_fd(fd);
    report("path_open2 create what exists",
           wasix_path_open2(dir, FOLLOW, TEXT("new"), CREAT | EXCL, RIGHTS_ALL, RIGHTS_ALL, 0, 0, &fd));
    report("path_open2 missing", wasix_path_open2(dir, FOLLOW, TEXT("no"), 0, RIGHTS_READ, 0, 0, 0, &fd));
    report("path_open2 below a file", wasix_path_open2(dir, FOLLOW, TEXT("f/g"), 0, RIGHTS_READ, 0, 0, 0, &fd));
    report("path_open2 never opened", wasix_path_open2(9999, FOLLOW, TEXT("f"), 0, RIGHTS_READ, 0, 0, 0, &fd));
    report("path_open2 name outside of memory",
           wasix_path_open2(dir, FOLLOW, OUTSIDE, 64, 0, RIGHTS_READ, 0, 0, 0, &fd));
}

static void pipes(fd_t dir) {
    (void)dir;
    uint32_t from = 0, to = 0;
    char text[16] = {0};
    __wasi_size_t count;
    report_value("fd_pipe new", wasix_fd_pipe(&from, &to), "%d", from != to);
    report_value("fd_pipe is written", write_once(to, "hello", &count), "%zu", count);
    report_value("fd_pipe is read", read_once(from, text, 3, &count), "%s", text);
    report_value("fd_pipe has the rest", read_once(from, text, 9, &count), "%zu", count);
    report("fd_pipe write to the end that reads", write_once(from, "x", &count));
    report("fd_pipe read from the end that writes", read_once(to, text, 1, &count));
    __wasi_filesize_t offset;
    report("fd_pipe has no offset", __wasi_fd_seek(from, 0, __WASI_WHENCE_CUR, &offset));
    must(__wasi_fd_fdstat_set_flags(from, __WASI_FDFLAGS_NONBLOCK));
    report("fd_pipe empty, not to wait", read_once(from, text, 1, &count));
    close_fd(to);
    report_value("fd_pipe at the end", read_once(from, text, 1, &count), "%zu", count);
    close_fd(from);
    report("fd_pipe outside of memory", wasix_fd_pipe(OUTSIDE, &to));
    uint32_t before, after;
    must(wasix_fd_dup(1, &before)), close_fd(before);
    report("fd_pipe second outside of memory", wasix_fd_pipe(&from, OUTSIDE));
    must(wasix_fd_dup(1, &after)), close_fd(after);
    report_value("fd_pipe that failed leaves none", 0, "%d", before == after);
}

static error_t add(fd_t fd, uint64_t value) {
    __wasi_ciovec_t from = {(const uint8_t *)&value, 8};
    __wasi_size_t count;
    return __wasi_fd_write(fd, &from, 1, &count);
}

static error_t take(fd_t fd, uint64_t *value) {
    __wasi_iovec_t into = {(uint8_t *)value, 8};
    __wasi_size_t count;
    return __wasi_fd_read(fd, &into, 1, &count);
}

static void counters(fd_t dir) {
    (void)dir;
    uint32_t fd = 0;
    uint64_t value = 0;
    report("fd_event 3", wasix_fd_event(3, 0, &fd));
    report_value("fd_event is taken at once", take(fd, &value), "%llu", value);
    must(add(fd, 2)), must(add(fd, 5));
    report_value("fd_event adds up", take(fd, &value), "%llu", value);
    close_fd(fd);
    report("fd_event semaphore", wasix_fd_event(2, 1, &fd));
    report_value("fd_event semaphore, one by one", take(fd, &value), "%llu", value);
    report_value("fd_event semaphore, one more", take(fd, &value), "%llu", value);
    must(__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK));
    report("fd_event empty, not to wait", take(fd, &value));
    char text[4];
    __wasi_size_t count;
    report("fd_event too short a read", read_once(fd, text, 4, &count));
    report("fd_event too short a write", write_once(fd, "abc", &count));
    close_fd(fd);
    report("fd_event outside of memory", wasix_fd_event(0, 0, OUTSIDE));
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_below_root(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "copies", copies);
    group(scratch, "flags", flags);
    group(scratch, "open2", open2);
    group(scratch, "pipes", pipes);
    group(scratch, "counters", counters);
    return 0;
}
