/* Every call that takes a descriptor, with one that was closed, one never opened and a negative
 * one: always badf. */
#include "case.h"

static const char *suffix;

static void bad(const char *function, error_t error) {
    char name[96];
    snprintf(name, sizeof name, "%s %s", function, suffix);
    report(name, error);
}

static void all(fd_t fd, fd_t good) {
    char buffer[64] = {0};
    __wasi_iovec_t into = {(uint8_t *)buffer, sizeof buffer};
    __wasi_ciovec_t from = {(const uint8_t *)"x", 1};
    __wasi_size_t n;
    __wasi_roflags_t flags;
    uint64_t at;
    fd_t other;
    __wasi_fdstat_t fdstat;
    __wasi_filestat_t filestat;
    __wasi_prestat_t prestat;
    uint8_t *bytes = (uint8_t *)buffer;
    bad("fd_advise", __wasi_fd_advise(fd, 0, 0, 0));
    bad("fd_allocate", __wasi_fd_allocate(fd, 0, 1));
    bad("fd_close", __wasi_fd_close(fd));
    bad("fd_datasync", __wasi_fd_datasync(fd));
    bad("fd_fdstat_get", __wasi_fd_fdstat_get(fd, &fdstat));
    bad("fd_fdstat_set_flags", __wasi_fd_fdstat_set_flags(fd, 0));
    bad("fd_fdstat_set_rights", __wasi_fd_fdstat_set_rights(fd, 0, 0));
    bad("fd_filestat_get", __wasi_fd_filestat_get(fd, &filestat));
    bad("fd_filestat_set_size", __wasi_fd_filestat_set_size(fd, 0));
    bad("fd_filestat_set_times", __wasi_fd_filestat_set_times(fd, 0, 0, 0));
    bad("fd_pread", __wasi_fd_pread(fd, &into, 1, 0, &n));
    bad("fd_prestat_get", __wasi_fd_prestat_get(fd, &prestat));
    bad("fd_prestat_dir_name", __wasi_fd_prestat_dir_name(fd, bytes, sizeof buffer));
    bad("fd_pwrite", __wasi_fd_pwrite(fd, &from, 1, 0, &n));
    bad("fd_read", __wasi_fd_read(fd, &into, 1, &n));
    bad("fd_readdir", __wasi_fd_readdir(fd, bytes, sizeof buffer, 0, &n));
    bad("fd_renumber", __wasi_fd_renumber(fd, good));
    bad("fd_seek", __wasi_fd_seek(fd, 0, 0, &at));
    bad("fd_sync", __wasi_fd_sync(fd));
    bad("fd_tell", __wasi_fd_tell(fd, &at));
    bad("fd_write", __wasi_fd_write(fd, &from, 1, &n));
    bad("path_create_directory", __wasi_path_create_directory(fd, "x"));
    bad("path_filestat_get", __wasi_path_filestat_get(fd, 0, "x", &filestat));
    bad("path_filestat_set_times", __wasi_path_filestat_set_times(fd, 0, "x", 0, 0, 0));
    bad("path_link from", __wasi_path_link(fd, 0, "x", good, "y"));
    bad("path_link to", __wasi_path_link(good, 0, "f", fd, "y"));
    bad("path_open", __wasi_path_open(fd, 0, "x", 0, RIGHTS_READ, RIGHTS_ALL, 0, &other));
    bad("path_readlink", __wasi_path_readlink(fd, "x", bytes, sizeof buffer, &n));
    bad("path_remove_directory", __wasi_path_remove_directory(fd, "x"));
    bad("path_rename from", __wasi_path_rename(fd, "x", good, "y"));
    bad("path_rename to", __wasi_path_rename(good, "f", fd, "y"));
    bad("path_symlink", __wasi_path_symlink("x", fd, "y"));
    bad("path_unlink_file", __wasi_path_unlink_file(fd, "x"));
    bad("sock_accept", __wasi_sock_accept(fd, 0, &other));
    bad("sock_recv", __wasi_sock_recv(fd, &into, 1, 0, &n, &flags));
    bad("sock_send", __wasi_sock_send(fd, &from, 1, 0, &n));
    bad("sock_shutdown", __wasi_sock_shutdown(fd, __WASI_SDFLAGS_RD));
}

/* A directory call on a descriptor that is a file. */
static void not_a_directory(fd_t fd, fd_t good) {
    char buffer[64] = {0};
    uint8_t *bytes = (uint8_t *)buffer;
    __wasi_size_t n;
    fd_t other = -1;
    __wasi_filestat_t filestat;
    bad("fd_readdir", __wasi_fd_readdir(fd, bytes, sizeof buffer, 0, &n));
    bad("path_create_directory", __wasi_path_create_directory(fd, "x"));
    bad("path_filestat_get", __wasi_path_filestat_get(fd, 0, "x", &filestat));
    bad("path_filestat_set_times", __wasi_path_filestat_set_times(fd, 0, "x", 0, 0, 0));
    bad("path_link from", __wasi_path_link(fd, 0, "x", good, "y"));
    bad("path_link to", __wasi_path_link(good, 0, "f", fd, "y"));
    bad("path_open", __wasi_path_open(fd, 0, "x", 0, RIGHTS_READ, RIGHTS_ALL, 0, &other));
    bad("path_readlink", __wasi_path_readlink(fd, "x", bytes, sizeof buffer, &n));
    bad("path_remove_directory", __wasi_path_remove_directory(fd, "x"));
    bad("path_rename from", __wasi_path_rename(fd, "x", good, "y"));
    bad("path_rename to", __wasi_path_rename(good, "f", fd, "y"));
    bad("path_symlink", __wasi_path_symlink("x", fd, "y"));
    bad("path_unlink_file", __wasi_path_unlink_file(fd, "x"));
}

static void cases(fd_t dir) {
    fd_t fd = open_file(dir, "f", CREAT), good = open_dir(dir, ".");
    suffix = "file as directory";
    not_a_directory(fd, good);
    close_fd(fd);
    suffix = "closed descriptor";
    all(fd, good);
    suffix = "descriptor never opened";
    all(1000000, good);
    suffix = "negative descriptor";
    all(-1, good);
    suffix = "largest descriptor";
    all(INT32_MAX, good);
    close_fd(good);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "badf", cases);
    return 0;
}
