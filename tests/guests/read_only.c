/* A read-only volume that holds a file `f` ("hello"), a directory `d` with a file `g`, and a
 * symbolic link `link` to `f`: what reads works, what writes answers rofs. */
#include "case.h"

#define NOW (__WASI_FSTFLAGS_ATIM_NOW | __WASI_FSTFLAGS_MTIM_NOW)
#define REFUSED(name, call) report(name, (error_t)(call))

static error_t try_open(fd_t dir, const char *path, __wasi_oflags_t oflags, __wasi_rights_t rights) {
    fd_t fd;
    error_t error = path_open_rights(dir, path, oflags, rights, 0, &fd);
    if (error == 0) close_fd(fd);
    return error;
}

int main(int argc, char **argv) {
    fd_t dir = scratch_from(argc, argv);
    if (dir < 0) return 1;
    __wasi_rights_t reading = __WASI_RIGHTS_FD_READ, writing = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE;
    REFUSED("path_open for writing, read-only volume", try_open(dir, "f", 0, writing));
    REFUSED("path_open truncating, read-only volume", try_open(dir, "f", TRUNC, writing));
    REFUSED("path_open creating, read-only volume", try_open(dir, "new", CREAT, writing));
    REFUSED("path_open creating for reading, read-only volume", try_open(dir, "new", CREAT, reading));
    REFUSED("path_create_directory read-only volume", __wasi_path_create_directory(dir, "new"));
    REFUSED("path_symlink read-only volume", __wasi_path_symlink("f", dir, "new"));
    REFUSED("path_link read-only volume", __wasi_path_link(dir, 0, "f", dir, "new"));
    REFUSED("path_rename read-only volume", __wasi_path_rename(dir, "f", dir, "new"));
    REFUSED("path_unlink_file read-only volume", __wasi_path_unlink_file(dir, "f"));
    REFUSED("path_unlink_file link, read-only volume", __wasi_path_unlink_file(dir, "link"));
    REFUSED("path_remove_directory read-only volume", __wasi_path_remove_directory(dir, "d"));
    REFUSED("path_filestat_set_times read-only volume", __wasi_path_filestat_set_times(dir, 0, "f", 0, 0, NOW));
    fd_t fd = open_with(dir, "f", 0, RIGHTS_READ, 0);
    REFUSED("fd_filestat_set_times read-only volume", __wasi_fd_filestat_set_times(fd, 0, 0, NOW));
    close_fd(fd);

    report_value("fd_read read-only volume", 0, "%s", content(dir, "f"));
    report_value("fd_read nested, read-only volume", 0, "%s", content(dir, "d/g"));
    report_value("path_open through a link, read-only volume", 0, "%s", content(dir, "link"));
    report("path_open create existing for reading, read-only volume", try_open(dir, "f", CREAT, reading));
    report("path_open missing, read-only volume", try_open(dir, "missing", 0, reading));
    report("path_open exclusively existing, read-only volume", try_open(dir, "f", CREAT | EXCL, writing));
    report("path_create_directory existing, read-only volume", __wasi_path_create_directory(dir, "d"));
    report("path_unlink_file missing, read-only volume", __wasi_path_unlink_file(dir, "missing"));
    uint8_t buffer[64];
    __wasi_size_t n = 0;
    error_t error = __wasi_path_readlink(dir, "link", buffer, sizeof buffer, &n);
    report_value("path_readlink read-only volume", error, "%.*s", (int)n, (char *)buffer);
    error = __wasi_fd_readdir(dir, buffer, sizeof buffer, 0, &n);
    report_value("fd_readdir read-only volume", error, "%d", n == sizeof buffer);
    report_value("path_filestat_get read-only volume", 0, "%s %s %s", kind(dir, "f"), kind(dir, "new"), kind(dir, "d"));
    return 0;
}
