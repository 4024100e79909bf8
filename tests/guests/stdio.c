/* The three descriptors a program starts with. Standard input holds "one\ntwo\n". */
#include "case.h"

int main(void) {
    char buffer[64] = {0};
    __wasi_size_t n = 0;
    __wasi_fdstat_t stat;
    static const char *const names[] = {"standard input", "standard output", "standard error"};
    for (fd_t fd = 0; fd < 3; fd++) {
        char name[64];
        __wasi_filestat_t filestat;
        snprintf(name, sizeof name, "fd_fdstat_get %s", names[fd]);
        error_t error = __wasi_fd_fdstat_get(fd, &stat);
        report_value(name, error, "%s flags %x", filetype_name(stat.fs_filetype), stat.fs_flags);
        snprintf(name, sizeof name, "fd_fdstat_get rights of %s", names[fd]);
        report_value(name, error, "read %d write %d", (stat.fs_rights_base & __WASI_RIGHTS_FD_READ) != 0,
                     (stat.fs_rights_base & __WASI_RIGHTS_FD_WRITE) != 0);
        snprintf(name, sizeof name, "fd_filestat_get %s", names[fd]);
        error = __wasi_fd_filestat_get(fd, &filestat);
        report_value(name, error, "%s", filetype_name(filestat.filetype));
    }
    error_t error = read_once(0, buffer, 3, &n);
    report_value("fd_read standard input", error, "%zu %s", n, buffer);
    char rest[64] = {0};
    size_t total = 0;
    do {
        error = read_once(0, rest + total, sizeof rest - 1 - total, &n);
        total += n;
    } while (error == 0 && n > 0);
    report_value("fd_read standard input to its end", error, "%zu", total);
    error = read_once(0, rest, sizeof rest, &n);
    report_value("fd_read standard input after its end", error, "%zu", n);
    report("fd_write standard input", write_once(0, "x", &n));
    report("fd_read standard output", read_once(1, rest, sizeof rest, &n));
    report("fd_read standard error", read_once(2, rest, sizeof rest, &n));
    error = write_once(2, "to standard error\n", &n);
    report_value("fd_write standard error", error, "%zu", n);
    error = write_once(1, "", &n);
    report_value("fd_write nothing to standard output", error, "%zu", n);

    __wasi_iovec_t into = {(uint8_t *)rest, 1};
    __wasi_ciovec_t from = {(const uint8_t *)"x", 1};
    report("fd_pread standard input", __wasi_fd_pread(0, &into, 1, 0, &n));
    report("fd_pwrite standard output", __wasi_fd_pwrite(1, &from, 1, 0, &n));
    report("fd_filestat_set_size standard output", __wasi_fd_filestat_set_size(1, 0));
    report("fd_allocate standard output", __wasi_fd_allocate(1, 0, 1));
    report("fd_advise standard output", __wasi_fd_advise(1, 0, 0, 0));
    report("fd_sync standard output", __wasi_fd_sync(1));
    report("fd_datasync standard output", __wasi_fd_datasync(1));
    report("fd_prestat_get standard output", __wasi_fd_prestat_get(1, &(__wasi_prestat_t){0}));
    report("path_open on standard input", path_open_rights(0, "x", 0, RIGHTS_READ, 0, &(fd_t){0}));
    report("fd_fdstat_set_flags standard input", __wasi_fd_fdstat_set_flags(0, __WASI_FDFLAGS_NONBLOCK));
    report("fd_close standard error", __wasi_fd_close(2));
    report("fd_write closed standard error", write_once(2, "x", &n));
    report("fd_close standard input", __wasi_fd_close(0));
    report("fd_read closed standard input", read_once(0, rest, 1, &n));
    return 0;
}
