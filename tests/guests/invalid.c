/* Values outside an enumeration, and bits outside a set of flags: always inval, and nothing is
 * done. wasmtime traps on most of them. */
#include "raw.h"

#define INVALID(name, call) report(name, (error_t)(call))

static void cases(fd_t dir) {
    uint64_t out[16];
    pointer_t p = POINTER(out);
    __wasi_filestat_t stat;
    create(dir, "f", "hello");
    fd_t fd = open_file(dir, "f", 0);
    INVALID("clock_res_get no such clock", raw_clock_res_get(4, p));
    INVALID("clock_res_get clock far out of range", raw_clock_res_get(0xffffffff, p));
    INVALID("clock_time_get no such clock", raw_clock_time_get(4, 0, p));
    INVALID("clock_time_get clock far out of range", raw_clock_time_get(0xffffffff, 0, p));
    INVALID("fd_seek no such whence", raw_fd_seek(fd, 0, 3, p));
    INVALID("fd_seek whence far out of range", raw_fd_seek(fd, 0, 0xffffffff, p));
    INVALID("fd_seek whence above a byte", raw_fd_seek(fd, 0, 0x100, p));
    INVALID("fd_fdstat_set_flags no such flag", raw_fd_fdstat_set_flags(fd, 1 << 5));
    INVALID("fd_fdstat_set_flags all bits", raw_fd_fdstat_set_flags(fd, 0xffffffff));
    INVALID("fd_filestat_set_times no such flag", raw_fd_filestat_set_times(fd, 5, 5, 1 << 4));
    INVALID("fd_advise no such advice", raw_fd_advise(fd, 0, 0, 6));
    INVALID("fd_advise advice far out of range", raw_fd_advise(fd, 0, 0, 0xffffffff));
    INVALID("path_open no such open flag", raw_path_open(dir, 0, POINTER("f"), 1, 1 << 4, RIGHTS_READ, 0, 0, p));
    INVALID("path_open no such open flag, creating",
            raw_path_open(dir, 0, POINTER("new"), 3, CREAT | 1 << 15, RIGHTS_READ, 0, 0, p));
    INVALID("path_open no such descriptor flag", raw_path_open(dir, 0, POINTER("f"), 1, 0, RIGHTS_READ, 0, 1 << 5, p));
    INVALID("path_open no such lookup flag", raw_path_open(dir, 2, POINTER("f"), 1, 0, RIGHTS_READ, 0, 0, p));
    INVALID("path_open all lookup flags", raw_path_open(dir, 0xffffffff, POINTER("f"), 1, 0, RIGHTS_READ, 0, 0, p));
    INVALID("path_filestat_get no such lookup flag", raw_path_filestat_get(dir, 2, POINTER("f"), 1, p));
    INVALID("path_filestat_set_times no such flag",
            raw_path_filestat_set_times(dir, 0, POINTER("f"), 1, 5, 5, 1 << 4));
    INVALID("path_filestat_set_times no such lookup flag",
            raw_path_filestat_set_times(dir, 2, POINTER("f"), 1, 5, 5, 1));
    INVALID("path_link no such lookup flag", raw_path_link(dir, 2, POINTER("f"), 1, dir, POINTER("new"), 3));
    INVALID("proc_raise no such signal", raw_proc_raise(200));

    __wasi_subscription_t in = {.userdata = 1};
    in.u.u.clock.id = 77;
    INVALID("poll_oneoff no such clock", raw_poll_oneoff(POINTER(&in), p, 1, POINTER(&out[8])));
    in.u.u.clock.id = 1;
    in.u.u.clock.flags = 2;
    INVALID("poll_oneoff no such clock flag", raw_poll_oneoff(POINTER(&in), p, 1, POINTER(&out[8])));
    in.u.tag = 3;
    INVALID("poll_oneoff no such type", raw_poll_oneoff(POINTER(&in), p, 1, POINTER(&out[8])));

    must(__wasi_fd_filestat_get(fd, &stat));
    report_value("fd_filestat_get after invalid arguments", 0, "%llu %d", stat.size, stat.mtim > 1000000000);
    report_value("path_filestat_get after invalid arguments", 0, "%s", kind(dir, "new"));
    close_fd(fd);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "invalid", cases);
    return 0;
}
