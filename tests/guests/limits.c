/* What a sandbox bounds: started with at most 64 descriptors and a volume of at most 1 MiB. */
#include "case.h"

#define MEBIBYTE (1 << 20)

static char block[65536];

/* Writes until it is refused; returns how much was written. */
static size_t fill(fd_t fd, error_t *error) {
    size_t total = 0;
    do {
        __wasi_ciovec_t from = {(const uint8_t *)block, sizeof block};
        __wasi_size_t n = 0;
        *error = __wasi_fd_write(fd, &from, 1, &n);
        total += n;
    } while (*error == 0 && total <= 4 * MEBIBYTE);
    return total;
}

static bool most(size_t total) {
    return total <= MEBIBYTE && total >= MEBIBYTE / 2;
}

static void space(fd_t dir) {
    error_t error;
    fd_t fd = open_file(dir, "f", CREAT);
    size_t total = fill(fd, &error);
    report("fd_write until the volume is full", error);
    report_value("fd_write filled most of the volume", 0, "%d", most(total));
    __wasi_ciovec_t from = {(const uint8_t *)block, sizeof block};
    __wasi_size_t n;
    report("fd_pwrite full volume", __wasi_fd_pwrite(fd, &from, 1, 4 * MEBIBYTE, &n));
    report("fd_allocate full volume", __wasi_fd_allocate(fd, 4 * MEBIBYTE, MEBIBYTE));
    __wasi_filestat_t stat = {0};
    must(__wasi_fd_filestat_get(fd, &stat));
    report_value("fd_filestat_get full volume", 0, "%d", stat.size == total);
    report("fd_filestat_set_size full volume, shrinking", __wasi_fd_filestat_set_size(fd, 0));
    must(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &(uint64_t){0}));
    report_value("fd_write after shrinking", 0, "%d", most(fill(fd, &error)));
    close_fd(fd);
    must(__wasi_path_unlink_file(dir, "f"));
    fd_t other = open_file(dir, "h", CREAT);
    fd = open_file(dir, "g", CREAT);
    report_value("fd_write after unlinking", 0, "%d", most(fill(fd, &error)));

    /* An unlinked file takes space until its last descriptor is closed. */
    must(__wasi_path_unlink_file(dir, "g"));
    fill(other, &error);
    report("fd_write while an unlinked file is open", error);
    close_fd(fd);
    must(__wasi_fd_filestat_set_size(other, 0));
    must(__wasi_fd_seek(other, 0, __WASI_WHENCE_SET, &(uint64_t){0}));
    report_value("fd_write after closing the unlinked file", 0, "%d", most(fill(other, &error)));
    close_fd(other);
}

static void descriptors(fd_t dir) {
    fd_t held[64];
    int count = 0;
    error_t error = 0;
    create(dir, "f", "");
    while (count < 64 && error == 0) {
        error = path_open_rights(dir, "f", 0, RIGHTS_ALL, 0, &held[count]);
        if (error == 0) count++;
    }
    report("path_open until descriptors run out", error);
    report_value("path_open opened most of them", 0, "%d", count >= 50 && count < 64);
    report("path_open creating without a descriptor left",
           path_open_rights(dir, "new", CREAT, RIGHTS_ALL, 0, &(fd_t){0}));
    report_value("path_open without a descriptor left made nothing", 0, "%s", kind(dir, "new"));
    if (count > 0) close_fd(held[--count]);
    error = path_open_rights(dir, "f", 0, RIGHTS_ALL, 0, &held[count]);
    report("path_open after closing one", error);
    if (error == 0) count++;
    while (count > 0) close_fd(held[--count]);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    memset(block, 'b', sizeof block);
    group(scratch, "space", space);
    group(scratch, "descriptors", descriptors);
    return 0;
}
