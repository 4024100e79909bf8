/* fd_fdstat_get, fd_fdstat_set_flags, fd_filestat_get, fd_filestat_set_size,
 * fd_filestat_set_times. */
#include "case.h"

#define APPEND __WASI_FDFLAGS_APPEND
#define NONBLOCK __WASI_FDFLAGS_NONBLOCK
#define ATIM __WASI_FSTFLAGS_ATIM
#define ATIM_NOW __WASI_FSTFLAGS_ATIM_NOW
#define MTIM __WASI_FSTFLAGS_MTIM
#define MTIM_NOW __WASI_FSTFLAGS_MTIM_NOW
#define SECOND UINT64_C(1000000000)

static __wasi_size_t n;

static void fdstat(const char *name, fd_t fd) {
    __wasi_fdstat_t stat;
    error_t error = __wasi_fd_fdstat_get(fd, &stat);
    report_value(name, error, "%s flags %x", filetype_name(stat.fs_filetype), stat.fs_flags);
}

static void descriptors(fd_t dir) {
    fd_t fd = open_file(dir, "f", CREAT);
    fdstat("fd_fdstat_get file", fd);
    fdstat("fd_fdstat_get directory", dir);

    report("fd_fdstat_set_flags append", __wasi_fd_fdstat_set_flags(fd, APPEND));
    fdstat("fd_fdstat_get append", fd);
    write_text(fd, "one");
    must(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &(uint64_t){0}));
    write_text(fd, "two");
    report_value("fd_fdstat_set_flags append appends", 0, "%s", content(dir, "f"));
    report("fd_fdstat_set_flags nothing", __wasi_fd_fdstat_set_flags(fd, 0));
    fdstat("fd_fdstat_get append cleared", fd);
    must(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &(uint64_t){0}));
    write_text(fd, "1");
    report_value("fd_fdstat_set_flags append cleared overwrites", 0, "%s", content(dir, "f"));

    report("fd_fdstat_set_flags nonblock", __wasi_fd_fdstat_set_flags(fd, NONBLOCK));
    fdstat("fd_fdstat_get nonblock", fd);
    report("fd_fdstat_set_flags append and nonblock", __wasi_fd_fdstat_set_flags(fd, APPEND | NONBLOCK));
    fdstat("fd_fdstat_get append and nonblock", fd);
    close_fd(fd);

    fd = open_with(dir, "f", 0, RIGHTS_ALL, APPEND);
    fdstat("fd_fdstat_get opened with append", fd);
    close_fd(fd);
    fd = open_with(dir, "f", 0, RIGHTS_ALL, NONBLOCK);
    fdstat("fd_fdstat_get opened with nonblock", fd);
    char buffer[4];
    error_t error = read_once(fd, buffer, sizeof buffer, &n);
    report_value("fd_read nonblock file", error, "%zu", n);
    close_fd(fd);
    report("fd_fdstat_set_flags directory", __wasi_fd_fdstat_set_flags(dir, NONBLOCK));
}

static void filestats(fd_t dir) {
    __wasi_filestat_t stat, again, other;
    create(dir, "f", "12345");
    create(dir, "g", "");
    fd_t f = open_file(dir, "f", 0), f2 = open_file(dir, "f", 0), g = open_file(dir, "g", 0);
    error_t error = __wasi_fd_filestat_get(f, &stat);
    report_value("fd_filestat_get file", error, "%s size %llu links %llu", filetype_name(stat.filetype),
                 stat.size, stat.nlink);
    must(__wasi_fd_filestat_get(f2, &again));
    must(__wasi_fd_filestat_get(g, &other));
    report_value("fd_filestat_get same file", 0, "%d", stat.ino == again.ino && stat.dev == again.dev);
    report_value("fd_filestat_get other file", 0, "%d", stat.ino != other.ino && stat.dev == other.dev);
    must(__wasi_path_filestat_get(dir, 0, "f", &again));
    report_value("fd_filestat_get agrees with path_filestat_get", 0, "%d",
                 stat.ino == again.ino && stat.dev == again.dev && stat.size == again.size &&
                     stat.mtim == again.mtim && stat.filetype == again.filetype);
    error = __wasi_fd_filestat_get(dir, &stat);
    report_value("fd_filestat_get directory", error, "%s", filetype_name(stat.filetype));
    must(__wasi_path_filestat_get(dir, 0, ".", &again));
    report_value("fd_filestat_get directory is its dot", 0, "%d", stat.ino == again.ino && stat.dev == again.dev);

    must(__wasi_path_link(dir, 0, "f", dir, "link"));
    error = __wasi_fd_filestat_get(f, &stat);
    report_value("fd_filestat_get linked", error, "links %llu", stat.nlink);
    must(__wasi_path_unlink_file(dir, "f"));
    must(__wasi_path_unlink_file(dir, "link"));
    error = __wasi_fd_filestat_get(f, &stat);
    report_value("fd_filestat_get unlinked", error, "size %llu links %llu", stat.size, stat.nlink);
    close_fd(f), close_fd(f2), close_fd(g);
}

static void sizes(fd_t dir) {
    create(dir, "f", "0123456789");
    fd_t fd = open_file(dir, "f", 0);
    must(__wasi_fd_seek(fd, 8, __WASI_WHENCE_SET, &(uint64_t){0}));
    error_t error = __wasi_fd_filestat_set_size(fd, 4);
    report_value("fd_filestat_set_size shrink", error, "%s", content(dir, "f"));
    uint64_t at = 0;
    must(__wasi_fd_tell(fd, &at));
    report_value("fd_filestat_set_size leaves the offset", 0, "%llu", at);
    error = __wasi_fd_filestat_set_size(fd, 7);
    report_value("fd_filestat_set_size grow", error, "%s", content(dir, "f"));
    error = __wasi_fd_filestat_set_size(fd, 7);
    report_value("fd_filestat_set_size same", error, "%s", content(dir, "f"));
    error = __wasi_fd_filestat_set_size(fd, 0);
    report_value("fd_filestat_set_size empty", error, "[%s]", content(dir, "f"));
    error = __wasi_fd_filestat_set_size(fd, 100000);
    __wasi_filestat_t stat;
    must(__wasi_fd_filestat_get(fd, &stat));
    report_value("fd_filestat_set_size large", error, "%llu", stat.size);
    report("fd_filestat_set_size above 2^63", __wasi_fd_filestat_set_size(fd, UINT64_C(1) << 63));
    report("fd_filestat_set_size largest", __wasi_fd_filestat_set_size(fd, UINT64_MAX));
    close_fd(fd);
    fd = open_with(dir, "f", 0, RIGHTS_READ, 0);
    report("fd_filestat_set_size opened for reading only", __wasi_fd_filestat_set_size(fd, 1));
    close_fd(fd);
    report("fd_filestat_set_size directory", __wasi_fd_filestat_set_size(dir, 0));
}

static void times(const char *name, fd_t fd, uint64_t atim, uint64_t mtim, __wasi_fstflags_t flags) {
    __wasi_filestat_t stat;
    error_t error = __wasi_fd_filestat_set_times(fd, atim, mtim, flags);
    must(__wasi_fd_filestat_get(fd, &stat));
    report_value(name, error, "%llu %llu", stat.atim, stat.mtim);
}

static void stamps(fd_t dir) {
    create(dir, "f", "");
    fd_t fd = open_file(dir, "f", 0);
    times("fd_filestat_set_times both", fd, 1000 * SECOND + 123456789, 2000 * SECOND + 987654321, ATIM | MTIM);
    times("fd_filestat_set_times atim only", fd, 3000 * SECOND, 1, ATIM);
    times("fd_filestat_set_times mtim only", fd, 1, 4000 * SECOND, MTIM);
    times("fd_filestat_set_times neither", fd, 1, 1, 0);
    times("fd_filestat_set_times zero", fd, 0, 0, ATIM | MTIM);
    times("fd_filestat_set_times one nanosecond", fd, 1, 999999999, ATIM | MTIM);
    times("fd_filestat_set_times atim and its now", fd, 5, 5, ATIM | ATIM_NOW);
    times("fd_filestat_set_times mtim and its now", fd, 5, 5, MTIM | MTIM_NOW);

    __wasi_timestamp_t now = 0;
    __wasi_filestat_t stat;
    error_t error = __wasi_fd_filestat_set_times(fd, 5, 5, ATIM_NOW | MTIM_NOW);
    must(__wasi_fd_filestat_get(fd, &stat));
    must(__wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 1, &now));
    report_value("fd_filestat_set_times now", error, "%d %d", now - stat.atim + SECOND < 60 * SECOND,
                 now - stat.mtim + SECOND < 60 * SECOND);
    times("fd_filestat_set_times back", fd, 6 * SECOND, 7 * SECOND, ATIM | MTIM);
    error = __wasi_fd_filestat_set_times(fd, 8 * SECOND, 5, ATIM | MTIM_NOW);
    must(__wasi_fd_filestat_get(fd, &stat));
    report_value("fd_filestat_set_times atim, mtim now", error, "%llu %d", stat.atim, stat.mtim > 1000 * SECOND);

    times("fd_filestat_set_times before writing", fd, 6 * SECOND, 7 * SECOND, ATIM | MTIM);
    write_text(fd, "x");
    must(__wasi_fd_filestat_get(fd, &stat));
    report_value("fd_write moves mtim", 0, "%d", stat.mtim > 1000 * SECOND);
    times("fd_filestat_set_times before resizing", fd, 6 * SECOND, 7 * SECOND, ATIM | MTIM);
    must(__wasi_fd_filestat_set_size(fd, 10));
    must(__wasi_fd_filestat_get(fd, &stat));
    report_value("fd_filestat_set_size moves mtim", 0, "%d", stat.mtim > 1000 * SECOND);
    close_fd(fd);

    fd = open_with(dir, "f", 0, RIGHTS_READ, 0);
    times("fd_filestat_set_times read-only descriptor", fd, 8 * SECOND, 9 * SECOND, ATIM | MTIM);
    close_fd(fd);

    make_dir(dir, "d");
    fd = open_dir(dir, "d");
    times("fd_filestat_set_times directory", fd, 10 * SECOND, 11 * SECOND, ATIM | MTIM);
    create(fd, "inside", "");
    must(__wasi_fd_filestat_get(fd, &stat));
    report_value("path_open creating moves the directory's mtim", 0, "%d", stat.mtim > 1000 * SECOND);
    close_fd(fd);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "descriptors", descriptors);
    group(scratch, "filestats", filestats);
    group(scratch, "sizes", sizes);
    group(scratch, "stamps", stamps);
    return 0;
}
