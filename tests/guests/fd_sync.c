/* fd_advise, fd_allocate, fd_datasync, fd_sync. */
#include "case.h"

static void cases(fd_t dir) {
    fd_t fd = open_file(dir, "f", CREAT);
    write_text(fd, "hello");
    report("fd_datasync file", __wasi_fd_datasync(fd));
    report("fd_sync file", __wasi_fd_sync(fd));
    report("fd_datasync directory", __wasi_fd_datasync(dir));
    report("fd_sync directory", __wasi_fd_sync(dir));
    fd_t readonly = open_with(dir, "f", 0, RIGHTS_READ, 0);
    report("fd_datasync read-only descriptor", __wasi_fd_datasync(readonly));
    report("fd_sync read-only descriptor", __wasi_fd_sync(readonly));
    close_fd(readonly);

    static const char *const names[] = {"normal", "sequential", "random", "willneed", "dontneed", "noreuse"};
    for (__wasi_advice_t advice = 0; advice < 6; advice++) {
        char name[64];
        snprintf(name, sizeof name, "fd_advise %s", names[advice]);
        report(name, __wasi_fd_advise(fd, 0, 5, advice));
    }
    report("fd_advise to the end", __wasi_fd_advise(fd, 0, 0, __WASI_ADVICE_WILLNEED));
    report("fd_advise past the end", __wasi_fd_advise(fd, 1000, 1000, __WASI_ADVICE_WILLNEED));
    report("fd_advise offset above 2^63", __wasi_fd_advise(fd, UINT64_C(1) << 63, 1, __WASI_ADVICE_NORMAL));
    report("fd_advise length above 2^63", __wasi_fd_advise(fd, 0, UINT64_C(1) << 63, __WASI_ADVICE_NORMAL));
    report("fd_advise directory", __wasi_fd_advise(dir, 0, 0, __WASI_ADVICE_NORMAL));
    report_value("fd_advise changes nothing", 0, "%s", content(dir, "f"));

    error_t error = __wasi_fd_allocate(fd, 0, 3);
    report_value("fd_allocate within the file", error, "%s", content(dir, "f"));
    error = __wasi_fd_allocate(fd, 4, 4);
    report_value("fd_allocate past the end", error, "%s", content(dir, "f"));
    report("fd_allocate nothing", __wasi_fd_allocate(fd, 0, 0));
    report("fd_allocate offset above 2^63", __wasi_fd_allocate(fd, UINT64_C(1) << 63, 1));
    report("fd_allocate length above 2^63", __wasi_fd_allocate(fd, 0, UINT64_C(1) << 63));
    report("fd_allocate overflow", __wasi_fd_allocate(fd, INT64_MAX, INT64_MAX));
    report("fd_allocate directory", __wasi_fd_allocate(dir, 0, 1));
    close_fd(fd);
    report_value("fd_allocate refused changes nothing", 0, "%s", content(dir, "f"));
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "sync", cases);
    return 0;
}
