/* fd_fdstat_set_rights, and what each right guards: a call without its right is notcapable. */
#include "case.h"

#define RIGHT(name) __WASI_RIGHTS_##name

static __wasi_rights_t base(fd_t fd) {
    __wasi_fdstat_t stat = {0};
    must(__wasi_fd_fdstat_get(fd, &stat));
    return stat.fs_rights_base;
}

static __wasi_rights_t inheriting(fd_t fd) {
    __wasi_fdstat_t stat = {0};
    must(__wasi_fd_fdstat_get(fd, &stat));
    return stat.fs_rights_inheriting;
}

static void setting(fd_t dir) {
    create(dir, "f", "hello");
    fd_t fd = open_file(dir, "f", 0);
    __wasi_rights_t before = base(fd), passed = inheriting(fd);
    report_value("fd_fdstat_get file has the rights of a file", 0, "%d",
                 (before & (RIGHT(FD_READ) | RIGHT(FD_WRITE))) == (RIGHT(FD_READ) | RIGHT(FD_WRITE)));
    report("fd_fdstat_set_rights the same", __wasi_fd_fdstat_set_rights(fd, before, passed));
    report("fd_fdstat_set_rights fewer", __wasi_fd_fdstat_set_rights(fd, before & ~RIGHT(FD_WRITE), passed));
    report_value("fd_fdstat_get after dropping", 0, "%d", base(fd) == (before & ~RIGHT(FD_WRITE)));
    report("fd_fdstat_set_rights taking one back", __wasi_fd_fdstat_set_rights(fd, before, passed));
    report_value("fd_fdstat_get after a refusal", 0, "%d", base(fd) == (before & ~RIGHT(FD_WRITE)));
    __wasi_size_t n;
    report("fd_write after dropping", write_once(fd, "x", &n));
    report("fd_fdstat_set_rights none", __wasi_fd_fdstat_set_rights(fd, 0, 0));
    report_value("fd_fdstat_get with no right", 0, "%llx %llx", base(fd), inheriting(fd));
    report("fd_fdstat_set_rights inheriting one back", __wasi_fd_fdstat_set_rights(fd, 0, 1));
    report("fd_close with no right", __wasi_fd_close(fd));
}

static void opening(fd_t dir) {
    create(dir, "f", "hello");
    fd_t fd = open_with(dir, "f", 0, RIGHT(FD_READ), 0);
    report_value("fd_fdstat_get opened for reading only", 0, "%d %d", (base(fd) & RIGHT(FD_READ)) != 0,
                 (base(fd) & RIGHT(FD_WRITE)) == 0);
    close_fd(fd);
    fd = open_with(dir, "f", 0, RIGHT(FD_WRITE), 0);
    report_value("fd_fdstat_get opened for writing only", 0, "%d %d", (base(fd) & RIGHT(FD_READ)) == 0,
                 (base(fd) & RIGHT(FD_WRITE)) != 0);
    close_fd(fd);
    report_value("fd_fdstat_get directory passes rights on", 0, "%d",
                 (inheriting(dir) & (RIGHT(FD_READ) | RIGHT(FD_WRITE))) == (RIGHT(FD_READ) | RIGHT(FD_WRITE)));

    /* Rights of a new descriptor are bounded by what its directory passes on. */
    fd_t limited = open_dir(dir, ".");
    report("fd_fdstat_set_rights fewer to pass on",
           __wasi_fd_fdstat_set_rights(limited, base(limited), inheriting(limited) & ~RIGHT(FD_WRITE)));
    report("path_open more than the directory passes on", path_open_rights(limited, "f", 0, RIGHTS_ALL, 0, &fd));
    if (fd >= 0) close_fd(fd);
    report("path_open inheriting more than the directory passes on",
           __wasi_path_open(limited, FOLLOW, "f", 0, RIGHT(FD_READ), RIGHT(FD_WRITE), 0, &fd));
    if (fd >= 0) close_fd(fd);
    fd = -1;
    report("path_open within what the directory passes on",
           __wasi_path_open(limited, FOLLOW, "f", 0, RIGHT(FD_READ), RIGHT(FD_READ), 0, &fd));
    if (fd >= 0) close_fd(fd);
    close_fd(limited);
}

#define WITHOUT(right, name, call)                                                       \
    do {                                                                                 \
        fd_t fd = open_file(dir, "f", CREAT);                                            \
        (void)!__wasi_fd_fdstat_set_rights(fd, base(fd) & ~(right), 0);                  \
        report(name, call);                                                              \
        close_fd(fd);                                                                    \
    } while (0)

static void files(fd_t dir) {
    create(dir, "f", "hello");
    char buffer[8];
    __wasi_iovec_t into = {(uint8_t *)buffer, sizeof buffer};
    __wasi_ciovec_t from = {(const uint8_t *)"x", 1};
    __wasi_size_t n;
    uint64_t at;
    __wasi_filestat_t stat;
    WITHOUT(RIGHT(FD_DATASYNC), "fd_datasync without fd_datasync", __wasi_fd_datasync(fd));
    WITHOUT(RIGHT(FD_READ), "fd_read without fd_read", __wasi_fd_read(fd, &into, 1, &n));
    WITHOUT(RIGHT(FD_READ), "fd_pread without fd_read", __wasi_fd_pread(fd, &into, 1, 0, &n));
    WITHOUT(RIGHT(FD_SEEK), "fd_pread without fd_seek", __wasi_fd_pread(fd, &into, 1, 0, &n));
    WITHOUT(RIGHT(FD_SEEK), "fd_seek without fd_seek", __wasi_fd_seek(fd, 1, __WASI_WHENCE_SET, &at));
    WITHOUT(RIGHT(FD_SEEK), "fd_seek by nothing without fd_seek", __wasi_fd_seek(fd, 0, __WASI_WHENCE_CUR, &at));
    WITHOUT(RIGHT(FD_TELL), "fd_tell with fd_seek only", __wasi_fd_tell(fd, &at));
    WITHOUT(RIGHT(FD_SEEK), "fd_tell with fd_tell only", __wasi_fd_tell(fd, &at));
    WITHOUT(RIGHT(FD_SEEK) | RIGHT(FD_TELL), "fd_tell without either", __wasi_fd_tell(fd, &at));
    WITHOUT(RIGHT(FD_FDSTAT_SET_FLAGS), "fd_fdstat_set_flags without its right",
            __wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_APPEND));
    WITHOUT(RIGHT(FD_SYNC), "fd_sync without fd_sync", __wasi_fd_sync(fd));
    WITHOUT(RIGHT(FD_WRITE), "fd_write without fd_write", __wasi_fd_write(fd, &from, 1, &n));
    WITHOUT(RIGHT(FD_WRITE), "fd_pwrite without fd_write", __wasi_fd_pwrite(fd, &from, 1, 0, &n));
    WITHOUT(RIGHT(FD_SEEK), "fd_pwrite without fd_seek", __wasi_fd_pwrite(fd, &from, 1, 0, &n));
    WITHOUT(RIGHT(FD_ADVISE), "fd_advise without fd_advise", __wasi_fd_advise(fd, 0, 1, __WASI_ADVICE_NORMAL));
    WITHOUT(RIGHT(FD_ALLOCATE), "fd_allocate without fd_allocate", __wasi_fd_allocate(fd, 0, 1));
    WITHOUT(RIGHT(FD_FILESTAT_GET), "fd_filestat_get without its right", __wasi_fd_filestat_get(fd, &stat));
    WITHOUT(RIGHT(FD_FILESTAT_SET_SIZE), "fd_filestat_set_size without its right", __wasi_fd_filestat_set_size(fd, 1));
    WITHOUT(RIGHT(FD_FILESTAT_SET_TIMES), "fd_filestat_set_times without its right",
            __wasi_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_ATIM));
    WITHOUT(RIGHTS_ALL, "fd_fdstat_get with no right at all", __wasi_fd_fdstat_get(fd, &(__wasi_fdstat_t){0}));

    WITHOUT(RIGHT(POLL_FD_READWRITE), "poll_oneoff without poll_fd_readwrite", ({
        __wasi_subscription_t in = {.userdata = 1, .u.tag = __WASI_EVENTTYPE_FD_READ, .u.u.fd_read = {fd}};
        __wasi_event_t out = {0};
        error_t error = __wasi_poll_oneoff(&in, &out, 1, &n);
        error == 0 ? out.error : error;
    }));
}

#define DIR_WITHOUT(right, name, call)                                                   \
    do {                                                                                 \
        fd_t fd = open_dir(dir, ".");                                                    \
        (void)!__wasi_fd_fdstat_set_rights(fd, base(fd) & ~(right), inheriting(fd));     \
        report(name, call);                                                              \
        close_fd(fd);                                                                    \
    } while (0)

static error_t open_in(fd_t fd, const char *path, __wasi_oflags_t oflags, __wasi_fdflags_t flags) {
    fd_t opened;
    error_t error = path_open_rights(fd, path, oflags, RIGHT(FD_READ) | RIGHT(FD_WRITE), flags, &opened);
    if (error == 0) close_fd(opened);
    return error;
}

static void directories(fd_t dir) {
    create(dir, "f", "hello");
    make_symlink(dir, "f", "link");
    make_dir(dir, "d");
    uint8_t buffer[64];
    __wasi_size_t n;
    __wasi_filestat_t stat;
    DIR_WITHOUT(RIGHT(PATH_CREATE_DIRECTORY), "path_create_directory without its right",
                __wasi_path_create_directory(fd, "new"));
    DIR_WITHOUT(RIGHT(PATH_CREATE_FILE), "path_open creating without path_create_file", open_in(fd, "new2", CREAT, 0));
    DIR_WITHOUT(RIGHT(PATH_LINK_SOURCE), "path_link without path_link_source", __wasi_path_link(fd, 0, "f", dir, "l1"));
    DIR_WITHOUT(RIGHT(PATH_LINK_TARGET), "path_link without path_link_target", __wasi_path_link(dir, 0, "f", fd, "l2"));
    DIR_WITHOUT(RIGHT(PATH_OPEN), "path_open without path_open", open_in(fd, "f", 0, 0));
    DIR_WITHOUT(RIGHT(FD_READDIR), "fd_readdir without fd_readdir",
                __wasi_fd_readdir(fd, buffer, sizeof buffer, 0, &n));
    DIR_WITHOUT(RIGHT(PATH_READLINK), "path_readlink without its right",
                __wasi_path_readlink(fd, "link", buffer, sizeof buffer, &n));
    DIR_WITHOUT(RIGHT(PATH_RENAME_SOURCE), "path_rename without path_rename_source",
                __wasi_path_rename(fd, "f", dir, "f"));
    DIR_WITHOUT(RIGHT(PATH_RENAME_TARGET), "path_rename without path_rename_target",
                __wasi_path_rename(dir, "f", fd, "f"));
    DIR_WITHOUT(RIGHT(PATH_FILESTAT_GET), "path_filestat_get without its right",
                __wasi_path_filestat_get(fd, 0, "f", &stat));
    DIR_WITHOUT(RIGHT(PATH_FILESTAT_SET_SIZE), "path_open truncating without path_filestat_set_size",
                open_in(fd, "f", TRUNC, 0));
    DIR_WITHOUT(RIGHT(PATH_FILESTAT_SET_TIMES), "path_filestat_set_times without its right",
                __wasi_path_filestat_set_times(fd, 0, "f", 0, 0, __WASI_FSTFLAGS_ATIM));
    DIR_WITHOUT(RIGHT(PATH_SYMLINK), "path_symlink without its right", __wasi_path_symlink("f", fd, "link2"));
    DIR_WITHOUT(RIGHT(PATH_REMOVE_DIRECTORY), "path_remove_directory without its right",
                __wasi_path_remove_directory(fd, "d"));
    DIR_WITHOUT(RIGHT(PATH_UNLINK_FILE), "path_unlink_file without its right", __wasi_path_unlink_file(fd, "f"));
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "setting", setting);
    group(scratch, "opening", opening);
    group(scratch, "files", files);
    group(scratch, "directories", directories);
    return 0;
}
