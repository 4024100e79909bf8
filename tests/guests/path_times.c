/* path_filestat_get, path_filestat_set_times. */
#include "case.h"

#define ATIM __WASI_FSTFLAGS_ATIM
#define ATIM_NOW __WASI_FSTFLAGS_ATIM_NOW
#define MTIM __WASI_FSTFLAGS_MTIM
#define MTIM_NOW __WASI_FSTFLAGS_MTIM_NOW
#define SECOND UINT64_C(1000000000)

static __wasi_filestat_t stat;

static void get(const char *name, fd_t dir, __wasi_lookupflags_t lookup, const char *path) {
    error_t error = __wasi_path_filestat_get(dir, lookup, path, &stat);
    /* How large a directory is, and how many links it has, is the filesystem's business. */
    if (error == 0 && stat.filetype == __WASI_FILETYPE_DIRECTORY)
        report_value(name, error, "directory");
    else
        report_value(name, error, "%s size %llu links %llu", filetype_name(stat.filetype), stat.size, stat.nlink);
}

static void set(const char *name, fd_t dir, __wasi_lookupflags_t lookup, const char *path, uint64_t atim,
                uint64_t mtim, __wasi_fstflags_t flags) {
    error_t error = __wasi_path_filestat_set_times(dir, lookup, path, atim, mtim, flags);
    if (error == 0) must(__wasi_path_filestat_get(dir, lookup, path, &stat));
    report_value(name, error, "%llu %llu", stat.atim, stat.mtim);
}

static void getting(fd_t dir) {
    create(dir, "f", "hello");
    create(dir, "empty", "");
    make_dir(dir, "d");
    make_symlink(dir, "f", "link");
    make_symlink(dir, "d", "dir-link");
    make_symlink(dir, "nowhere", "dangling");
    get("path_filestat_get file", dir, 0, "f");
    get("path_filestat_get empty file", dir, 0, "empty");
    get("path_filestat_get directory", dir, 0, "d");
    get("path_filestat_get link followed", dir, FOLLOW, "link");
    get("path_filestat_get link not followed", dir, 0, "link");
    get("path_filestat_get directory link followed", dir, FOLLOW, "dir-link");
    get("path_filestat_get directory link not followed", dir, 0, "dir-link");
    get("path_filestat_get dangling followed", dir, FOLLOW, "dangling");
    get("path_filestat_get dangling not followed", dir, 0, "dangling");
    get("path_filestat_get missing", dir, 0, "missing");

    __wasi_timestamp_t now = 0;
    must(__wasi_path_filestat_get(dir, 0, "f", &stat));
    must(__wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 1, &now));
    report_value("path_filestat_get times of a new file are now", 0, "%d %d %d", now - stat.atim + SECOND < 60 * SECOND,
                 now - stat.mtim + SECOND < 60 * SECOND, now - stat.ctim + SECOND < 60 * SECOND);
}

static void setting(fd_t dir) {
    create(dir, "f", "");
    make_dir(dir, "d");
    make_symlink(dir, "f", "link");
    make_symlink(dir, "nowhere", "dangling");
    set("path_filestat_set_times both", dir, 0, "f", 1000 * SECOND + 123456789, 2000 * SECOND + 1, ATIM | MTIM);
    set("path_filestat_set_times atim only", dir, 0, "f", 3000 * SECOND, 1, ATIM);
    set("path_filestat_set_times mtim only", dir, 0, "f", 1, 4000 * SECOND, MTIM);
    set("path_filestat_set_times neither", dir, 0, "f", 1, 1, 0);
    set("path_filestat_set_times zero", dir, 0, "f", 0, 0, ATIM | MTIM);
    set("path_filestat_set_times far future", dir, 0, "f", 4102444800 * SECOND, 4102444800 * SECOND, ATIM | MTIM);
    set("path_filestat_set_times atim and its now", dir, 0, "f", 5, 5, ATIM | ATIM_NOW);
    set("path_filestat_set_times mtim and its now", dir, 0, "f", 5, 5, MTIM | MTIM_NOW);
    set("path_filestat_set_times directory", dir, 0, "d", 7 * SECOND, 8 * SECOND, ATIM | MTIM);
    set("path_filestat_set_times directory with a slash", dir, 0, "d/", 9 * SECOND, 10 * SECOND, ATIM | MTIM);
    set("path_filestat_set_times file with a slash", dir, 0, "f/", 9 * SECOND, 10 * SECOND, ATIM | MTIM);
    set("path_filestat_set_times missing", dir, 0, "missing", 1, 1, ATIM | MTIM);
    set("path_filestat_set_times below a file", dir, 0, "f/x", 1, 1, ATIM | MTIM);
    set("path_filestat_set_times dangling followed", dir, FOLLOW, "dangling", 1, 1, ATIM | MTIM);

    set("path_filestat_set_times link followed", dir, FOLLOW, "link", 11 * SECOND, 12 * SECOND, ATIM | MTIM);
    must(__wasi_path_filestat_get(dir, 0, "f", &stat));
    report_value("path_filestat_set_times set the link's target", 0, "%llu", stat.mtim);
    set("path_filestat_set_times link not followed", dir, 0, "link", 13 * SECOND, 14 * SECOND, ATIM | MTIM);
    must(__wasi_path_filestat_get(dir, 0, "f", &stat));
    report_value("path_filestat_set_times left the link's target", 0, "%llu", stat.mtim);
    set("path_filestat_set_times dangling not followed", dir, 0, "dangling", 15 * SECOND, 16 * SECOND, ATIM | MTIM);

    __wasi_timestamp_t now = 0;
    error_t error = __wasi_path_filestat_set_times(dir, 0, "f", 0, 0, ATIM_NOW | MTIM_NOW);
    must(__wasi_path_filestat_get(dir, 0, "f", &stat));
    must(__wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 1, &now));
    report_value("path_filestat_set_times now", error, "%d %d", now - stat.atim + SECOND < 60 * SECOND,
                 now - stat.mtim + SECOND < 60 * SECOND);
    error = __wasi_path_filestat_set_times(dir, 0, "f", 17 * SECOND, 5, ATIM | MTIM_NOW);
    must(__wasi_path_filestat_get(dir, 0, "f", &stat));
    report_value("path_filestat_set_times atim, mtim now", error, "%llu %d", stat.atim, stat.mtim > 1000 * SECOND);
}

/* Which calls move a directory's or a file's times. */
static bool moved(fd_t dir, const char *path) {
    must(__wasi_path_filestat_get(dir, 0, path, &stat));
    bool later = stat.mtim > 1000 * SECOND;
    must(__wasi_path_filestat_set_times(dir, 0, path, SECOND, SECOND, ATIM | MTIM));
    return later;
}

static void moving(fd_t dir) {
    make_dir(dir, "d");
    moved(dir, "d");
    create(dir, "d/f", "x");
    report_value("path_open creating moves mtim", 0, "%d", moved(dir, "d"));
    create(dir, "d/f", "y");
    report_value("path_open existing leaves the directory's mtim", 0, "%d", moved(dir, "d"));
    moved(dir, "d/f");
    create(dir, "d/f", "");
    report_value("path_open truncating moves mtim", 0, "%d", moved(dir, "d/f"));
    make_dir(dir, "d/e");
    report_value("path_create_directory moves mtim", 0, "%d", moved(dir, "d"));
    must(__wasi_path_remove_directory(dir, "d/e"));
    report_value("path_remove_directory moves mtim", 0, "%d", moved(dir, "d"));
    make_symlink(dir, "f", "d/s");
    report_value("path_symlink moves mtim", 0, "%d", moved(dir, "d"));
    must(__wasi_path_link(dir, 0, "d/f", dir, "d/l"));
    report_value("path_link moves mtim", 0, "%d", moved(dir, "d"));
    report_value("path_link leaves the file's mtim", 0, "%d", moved(dir, "d/f"));
    must(__wasi_path_rename(dir, "d/l", dir, "d/m"));
    report_value("path_rename moves mtim", 0, "%d", moved(dir, "d"));
    must(__wasi_path_unlink_file(dir, "d/m"));
    report_value("path_unlink_file moves mtim", 0, "%d", moved(dir, "d"));
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "getting", getting);
    group(scratch, "setting", setting);
    group(scratch, "moving", moving);
    return 0;
}
