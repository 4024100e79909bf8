/* fd_seek, fd_tell. */
#include "case.h"

static fd_t fd;

static void seek(const char *name, int64_t offset, __wasi_whence_t whence) {
    uint64_t at = 0;
    error_t error = __wasi_fd_seek(fd, offset, whence, &at);
    report_value(name, error, "%llu", at);
}

static void tell(const char *name) {
    uint64_t at = 0;
    error_t error = __wasi_fd_tell(fd, &at);
    report_value(name, error, "%llu", at);
}

static void cases(fd_t dir) {
    create(dir, "f", "0123456789");
    fd = open_file(dir, "f", 0);
    tell("fd_tell new descriptor");
    seek("fd_seek from the start", 4, __WASI_WHENCE_SET);
    tell("fd_tell after seeking from the start");
    seek("fd_seek forward", 3, __WASI_WHENCE_CUR);
    seek("fd_seek back", -2, __WASI_WHENCE_CUR);
    seek("fd_seek by nothing", 0, __WASI_WHENCE_CUR);
    seek("fd_seek from the end", -1, __WASI_WHENCE_END);
    seek("fd_seek past the end", 5, __WASI_WHENCE_END);
    tell("fd_tell past the end");

    seek("fd_seek to a known place", 5, __WASI_WHENCE_SET);
    seek("fd_seek negative", -1, __WASI_WHENCE_SET);
    seek("fd_seek before the start", -6, __WASI_WHENCE_CUR);
    seek("fd_seek before the start from the end", -11, __WASI_WHENCE_END);
    seek("fd_seek lowest offset from the start", INT64_MIN, __WASI_WHENCE_SET);
    seek("fd_seek lowest offset from here", INT64_MIN, __WASI_WHENCE_CUR);
    seek("fd_seek lowest offset from the end", INT64_MIN, __WASI_WHENCE_END);
    tell("fd_tell after failed seeks");
    seek("fd_seek overflow from here", INT64_MAX, __WASI_WHENCE_CUR);
    seek("fd_seek overflow from the end", INT64_MAX, __WASI_WHENCE_END);
    tell("fd_tell after overflows");
    close_fd(fd);

    fd = dir;
    seek("fd_seek directory", 0, __WASI_WHENCE_SET);
    tell("fd_tell directory");

    /* Two descriptors opened apart have offsets apart. */
    fd_t one = open_file(dir, "f", 0), two = open_file(dir, "f", 0);
    fd = one;
    seek("fd_seek one of two descriptors", 7, __WASI_WHENCE_SET);
    fd = two;
    tell("fd_tell the other of two descriptors");
    close_fd(one);
    close_fd(two);

    fd = 1;
    seek("fd_seek standard output", 0, __WASI_WHENCE_CUR);
    tell("fd_tell standard output");
    fd = 0;
    seek("fd_seek standard input", 0, __WASI_WHENCE_CUR);
    tell("fd_tell standard input");
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "seek", cases);
    return 0;
}
