/* Pointers that point nowhere: every call that would follow one answers fault, has done nothing,
 * and leaves the guest running. */
#include "raw.h"

#define FAULT(name, call) report(name, (error_t)(call))

static fd_t preopen;
static pointer_t end, beyond = 0xfffffff0, far;

static void outputs(fd_t dir) {
    /* One byte short of fitting before the end of memory. */
    FAULT("args_sizes_get count", raw_args_sizes_get(end - 3, POINTER(&far)));
    FAULT("args_sizes_get size", raw_args_sizes_get(POINTER(&far), end - 3));
    FAULT("args_get pointers", raw_args_get(end, POINTER(&far)));
    FAULT("environ_sizes_get count", raw_environ_sizes_get(beyond, POINTER(&far)));
    FAULT("environ_sizes_get size", raw_environ_sizes_get(POINTER(&far), end));
    FAULT("environ_get pointers", raw_environ_get(end, POINTER(&far)));
    FAULT("clock_res_get", raw_clock_res_get(0, end - 7));
    FAULT("clock_time_get", raw_clock_time_get(0, 0, end - 7));
    FAULT("clock_time_get last address", raw_clock_time_get(0, 0, 0xffffffff));
    FAULT("random_get", raw_random_get(end - 3, 4));
    FAULT("random_get past the end", raw_random_get(end, 1));
    FAULT("random_get beyond", raw_random_get(beyond, 64));
    FAULT("random_get everything", raw_random_get(0, 0xffffffff));

    fd_t fd = open_file(dir, "f", CREAT);
    write_text(fd, "hello");
    FAULT("fd_fdstat_get", raw_fd_fdstat_get(fd, end - 23));
    FAULT("fd_filestat_get", raw_fd_filestat_get(fd, end - 63));
    FAULT("fd_prestat_get", raw_fd_prestat_get(preopen, end - 7));
    FAULT("fd_seek", raw_fd_seek(fd, 0, 0, end - 7));
    FAULT("fd_tell", raw_fd_tell(fd, end - 7));
    FAULT("path_filestat_get buffer", raw_path_filestat_get(dir, 0, POINTER("f"), 1, end - 63));
    FAULT("path_open descriptor", raw_path_open(dir, 0, POINTER("f"), 1, 0, RIGHTS_READ, 0, 0, end - 3));
    close_fd(fd);
}

static void vectors(fd_t dir) {
    char text[8] = {0};
    __wasi_size_t n = 0;
    pointer_t out = POINTER(&n);
    create(dir, "f", "hello");
    fd_t fd = open_file(dir, "f", 0);
    FAULT("fd_read vector", raw_fd_read(fd, end, 1, out));
    FAULT("fd_read vector cut off", raw_fd_read(fd, end - 7, 1, out));
    FAULT("fd_read long vector", raw_fd_read(fd, POINTER(text), 0x7fffffff, out));
    FAULT("fd_read longest vector", raw_fd_read(fd, 0, 0xffffffff, out));
    FAULT("fd_pread vector", raw_fd_pread(fd, beyond, 1, 0, out));
    FAULT("fd_write vector", raw_fd_write(fd, end - 7, 1, out));
    FAULT("fd_pwrite vector", raw_fd_pwrite(fd, beyond, 1, 0, out));
    uint32_t wrong[4] = {POINTER(text), 4, end - 3, 4};
    FAULT("fd_read second buffer", raw_fd_read(fd, POINTER(wrong), 2, out));
    FAULT("fd_pread second buffer", raw_fd_pread(fd, POINTER(wrong), 2, 0, out));
    FAULT("fd_write second buffer", raw_fd_write(fd, POINTER(wrong), 2, out));
    FAULT("fd_pwrite second buffer", raw_fd_pwrite(fd, POINTER(wrong), 2, 0, out));
    uint32_t wrap[2] = {0xffffff00, 0x200};
    FAULT("fd_read buffer around the end of addresses", raw_fd_read(fd, POINTER(wrap), 1, out));
    FAULT("fd_write buffer around the end of addresses", raw_fd_write(fd, POINTER(wrap), 1, out));
    uint32_t large[2] = {0, 0xffffffff};
    FAULT("fd_read largest buffer", raw_fd_read(fd, POINTER(large), 1, out));
    FAULT("fd_write largest buffer", raw_fd_write(fd, POINTER(large), 1, out));
    uint32_t right[2] = {POINTER(text), 4};
    FAULT("fd_read count", raw_fd_read(fd, POINTER(right), 1, end - 3));
    FAULT("fd_pread count", raw_fd_pread(fd, POINTER(right), 1, 0, end - 3));
    FAULT("fd_write count", raw_fd_write(fd, POINTER(right), 1, beyond));
    FAULT("fd_pwrite count", raw_fd_pwrite(fd, POINTER(right), 1, 0, beyond));
    uint64_t at = 99;
    must(__wasi_fd_tell(fd, &at));
    report_value("fd_tell after faults", 0, "%llu", at);
    report_value("fd_write after faults wrote nothing", 0, "%s", content(dir, "f"));
    close_fd(fd);

    FAULT("fd_readdir buffer", raw_fd_readdir(dir, end - 3, 4, 0, out));
    FAULT("fd_readdir long buffer", raw_fd_readdir(dir, POINTER(text), 0xffffffff, 0, out));
    FAULT("fd_readdir count", raw_fd_readdir(dir, POINTER(text), 8, 0, end - 3));
    FAULT("fd_prestat_dir_name buffer", raw_fd_prestat_dir_name(preopen, end - 3, 64));
    make_symlink(dir, "target", "link");
    FAULT("path_readlink buffer", raw_path_readlink(dir, POINTER("link"), 4, end - 3, 4, out));
    FAULT("path_readlink count", raw_path_readlink(dir, POINTER("link"), 4, POINTER(text), 8, end - 3));
    FAULT("sock_recv vector", raw_sock_recv(dir, end, 1, 0, out, out));
    FAULT("sock_send vector", raw_sock_send(dir, end, 1, 0, out));
}

static void paths(fd_t dir) {
    uint8_t buffer[64];
    __wasi_size_t n;
    pointer_t out = POINTER(buffer);
    create(dir, "f", "x");
    FAULT("path_create_directory", raw_path_create_directory(dir, end - 3, 4));
    FAULT("path_filestat_get", raw_path_filestat_get(dir, 0, end, 1, out));
    FAULT("path_filestat_set_times", raw_path_filestat_set_times(dir, 0, beyond, 1, 0, 0, 1));
    FAULT("path_link from", raw_path_link(dir, 0, end, 1, dir, POINTER("g"), 1));
    FAULT("path_link to", raw_path_link(dir, 0, POINTER("f"), 1, dir, end, 1));
    FAULT("path_open", raw_path_open(dir, 0, end, 1, 0, RIGHTS_READ, 0, 0, out));
    FAULT("path_open long", raw_path_open(dir, 0, POINTER("f"), 0xffffffff, 0, RIGHTS_READ, 0, 0, out));
    FAULT("path_readlink", raw_path_readlink(dir, end, 1, out, sizeof buffer, POINTER(&n)));
    FAULT("path_remove_directory", raw_path_remove_directory(dir, end, 1));
    FAULT("path_rename from", raw_path_rename(dir, end, 1, dir, POINTER("g"), 1));
    FAULT("path_rename to", raw_path_rename(dir, POINTER("f"), 1, dir, end, 1));
    FAULT("path_symlink target", raw_path_symlink(end, 1, dir, POINTER("g"), 1));
    FAULT("path_symlink at", raw_path_symlink(POINTER("f"), 1, dir, end, 1));
    FAULT("path_unlink_file", raw_path_unlink_file(dir, end, 1));
    /* The descriptor cannot be told to the guest, so it must not stay open, nor a file be made. */
    FAULT("path_open creating, descriptor", raw_path_open(dir, 0, POINTER("g"), 1, CREAT, RIGHTS_READ, 0, 0, end - 3));
    report_value("path_open after a fault made nothing", 0, "%s", kind(dir, "g"));
}

/* wasm loads and stores at any address, and so do pointers into buffers of bytes. */
static void unaligned(fd_t dir) {
    static uint8_t bytes[256];
    pointer_t odd = POINTER(bytes) | 1;
    report("clock_time_get unaligned", (error_t)raw_clock_time_get(0, 0, odd));
    report("fd_filestat_get unaligned", (error_t)raw_fd_filestat_get(dir, odd));
    uint32_t vector[2] = {POINTER("unaligned"), 9};
    __wasi_size_t n = 0;
    fd_t fd = open_file(dir, "f", CREAT);
    memcpy((void *)(uintptr_t)odd, vector, sizeof vector);
    error_t error = (error_t)raw_fd_write(fd, odd, 1, odd + 64);
    memcpy(&n, (void *)(uintptr_t)(odd + 64), sizeof n);
    report_value("fd_write unaligned", error, "%zu %s", n, content(dir, "f"));
    close_fd(fd);
}

static void polls(fd_t dir) {
    (void)dir;
    __wasi_subscription_t in = {.userdata = 1};
    __wasi_event_t event;
    __wasi_size_t n;
    FAULT("poll_oneoff subscriptions", raw_poll_oneoff(end - 47, POINTER(&event), 1, POINTER(&n)));
    FAULT("poll_oneoff events", raw_poll_oneoff(POINTER(&in), end - 31, 1, POINTER(&n)));
    FAULT("poll_oneoff count", raw_poll_oneoff(POINTER(&in), POINTER(&event), 1, end - 3));
    FAULT("poll_oneoff too many", raw_poll_oneoff(POINTER(&in), POINTER(&event), 0x10000000, POINTER(&n)));
    FAULT("poll_oneoff most", raw_poll_oneoff(POINTER(&in), POINTER(&event), 0xffffffff, POINTER(&n)));
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    preopen = scratch;
    end = (pointer_t)(__builtin_wasm_memory_size(0) << 16);
    group(scratch, "outputs", outputs);
    group(scratch, "vectors", vectors);
    group(scratch, "paths", paths);
    group(scratch, "unaligned", unaligned);
    group(scratch, "polls", polls);
    return 0;
}
