/* path_open: open flags, rights asked for, descriptor flags. */
#include "case.h"

static void attempt_with(const char *name, fd_t dir, const char *path, __wasi_oflags_t oflags,
                         __wasi_rights_t rights, __wasi_fdflags_t flags) {
    fd_t fd;
    error_t error = path_open_rights(dir, path, oflags, rights, flags, &fd);
    __wasi_fdstat_t stat = {0};
    if (error == 0) {
        must(__wasi_fd_fdstat_get(fd, &stat));
        close_fd(fd);
    }
    report_value(name, error, "%s", filetype_name(stat.fs_filetype));
}

static void attempt(const char *name, fd_t dir, const char *path, __wasi_oflags_t oflags) {
    attempt_with(name, dir, path, oflags, __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE, 0);
}

static void attempt_read(const char *name, fd_t dir, const char *path, __wasi_oflags_t oflags) {
    attempt_with(name, dir, path, oflags, __WASI_RIGHTS_FD_READ, 0);
}

static void files(fd_t dir) {
    attempt("path_open missing", dir, "f", 0);
    attempt("path_open create", dir, "f", CREAT);
    attempt("path_open create existing", dir, "f", CREAT);
    attempt("path_open create exclusively existing", dir, "f", CREAT | EXCL);
    attempt("path_open create exclusively", dir, "g", CREAT | EXCL);
    attempt("path_open exclusively without create", dir, "f", EXCL);
    create(dir, "f", "hello");
    attempt("path_open create keeps the content", dir, "f", CREAT);
    report_value("path_open create kept", 0, "%s", content(dir, "f"));
    attempt("path_open truncate", dir, "f", TRUNC);
    report_value("path_open truncated", 0, "[%s]", content(dir, "f"));
    attempt("path_open truncate missing", dir, "missing", TRUNC);
    create(dir, "f", "hello");
    attempt("path_open create and truncate", dir, "f", CREAT | TRUNC);
    report_value("path_open created and truncated", 0, "[%s]", content(dir, "f"));
    create(dir, "f", "hello");
    attempt("path_open create exclusively and truncate existing", dir, "f", CREAT | EXCL | TRUNC);
    report_value("path_open refused to truncate", 0, "%s", content(dir, "f"));
    attempt_read("path_open create for reading only", dir, "r", CREAT);
    report_value("path_open created for reading only", 0, "%s", kind(dir, "r"));
    attempt_read("path_open truncate for reading only", dir, "f", TRUNC);
    attempt_with("path_open no rights", dir, "f", 0, 0, 0);
    attempt_with("path_open for writing only", dir, "f", 0, __WASI_RIGHTS_FD_WRITE, 0);
    attempt("path_open directory asked of a file", dir, "f", DIRECTORY);
    attempt_read("path_open directory asked of a file, for reading", dir, "f", DIRECTORY);
    attempt("path_open below a file", dir, "f/x", 0);
    attempt("path_open create below a file", dir, "f/x", CREAT);
    attempt("path_open create below nothing", dir, "nothing/x", CREAT);
    attempt("path_open file with a slash", dir, "f/", 0);
    attempt("path_open create with a slash", dir, "new/", CREAT);
    attempt_read("path_open create directory with a slash", dir, "new2/", CREAT | DIRECTORY);
    report_value("path_open created no directory", 0, "%s %s", kind(dir, "new"), kind(dir, "new2"));

    attempt_with("path_open append", dir, "f", 0, __WASI_RIGHTS_FD_WRITE, __WASI_FDFLAGS_APPEND);
    attempt_with("path_open nonblock", dir, "f", 0, __WASI_RIGHTS_FD_READ, __WASI_FDFLAGS_NONBLOCK);
    attempt_with("path_open append and truncate", dir, "f", TRUNC, __WASI_RIGHTS_FD_WRITE, __WASI_FDFLAGS_APPEND);
    attempt_with("path_open dsync", dir, "f", 0, RIGHTS_ALL, __WASI_FDFLAGS_DSYNC);
    attempt_with("path_open sync", dir, "f", 0, RIGHTS_ALL, __WASI_FDFLAGS_SYNC);
    attempt_with("path_open rsync", dir, "f", 0, RIGHTS_ALL, __WASI_FDFLAGS_RSYNC);
}

static void directories(fd_t dir) {
    make_dir(dir, "d");
    attempt_read("path_open directory", dir, "d", DIRECTORY);
    attempt_read("path_open directory unasked", dir, "d", 0);
    attempt_with("path_open directory without rights", dir, "d", DIRECTORY, 0, 0);
    attempt("path_open directory for writing", dir, "d", 0);
    attempt("path_open directory for writing, asked", dir, "d", DIRECTORY);
    attempt_with("path_open directory for writing only", dir, "d", 0, __WASI_RIGHTS_FD_WRITE, 0);
    attempt_with("path_open directory with every right", dir, "d", DIRECTORY, RIGHTS_ALL, 0);
    attempt_read("path_open directory with a slash", dir, "d/", 0);
    attempt_read("path_open directory with slashes", dir, "d///", DIRECTORY);
    attempt_read("path_open dot", dir, ".", DIRECTORY);
    attempt_read("path_open dot unasked", dir, ".", 0);
    attempt_read("path_open create on a directory", dir, "d", CREAT);
    attempt("path_open create on a directory for writing", dir, "d", CREAT);
    attempt_read("path_open create exclusively on a directory", dir, "d", CREAT | EXCL);
    attempt_read("path_open truncate on a directory", dir, "d", TRUNC);
    attempt_read("path_open create and directory, existing", dir, "d", CREAT | DIRECTORY);
    attempt_read("path_open create and directory, missing", dir, "d2", CREAT | DIRECTORY);
    attempt_read("path_open create exclusively and directory", dir, "d3", CREAT | EXCL | DIRECTORY);
    attempt_read("path_open truncate and directory", dir, "d", TRUNC | DIRECTORY);
    attempt_read("path_open exclusively and directory", dir, "d", EXCL | DIRECTORY);
    attempt_with("path_open append on a directory", dir, "d", DIRECTORY, __WASI_RIGHTS_FD_READ, __WASI_FDFLAGS_APPEND);
    attempt_read("path_open missing directory", dir, "missing", DIRECTORY);
    report_value("path_open made nothing", 0, "%s %s", kind(dir, "d2"), kind(dir, "d3"));

    fd_t sub = open_dir(dir, "d");
    attempt("path_open create in a subdirectory", sub, "f", CREAT);
    report_value("path_open created in a subdirectory", 0, "%s", kind(dir, "d/f"));
    close_fd(sub);
}

static void open_link(const char *name, fd_t dir, __wasi_lookupflags_t lookup, const char *path,
                      __wasi_oflags_t oflags) {
    fd_t fd = -1;
    error_t error = __wasi_path_open(dir, lookup, path, oflags, __WASI_RIGHTS_FD_READ, 0, 0, &fd);
    __wasi_fdstat_t stat = {0};
    if (error == 0) {
        must(__wasi_fd_fdstat_get(fd, &stat));
        close_fd(fd);
    }
    report_value(name, error, "%s", filetype_name(stat.fs_filetype));
}

static void links(fd_t dir) {
    create(dir, "f", "hello");
    make_dir(dir, "d");
    make_symlink(dir, "f", "to-file");
    make_symlink(dir, "d", "to-dir");
    make_symlink(dir, "made", "to-nothing");
    open_link("path_open link followed", dir, FOLLOW, "to-file", 0);
    open_link("path_open link not followed", dir, 0, "to-file", 0);
    open_link("path_open link to a directory followed", dir, FOLLOW, "to-dir", DIRECTORY);
    open_link("path_open link to a directory not followed", dir, 0, "to-dir", DIRECTORY);
    open_link("path_open link to a directory not followed, slash", dir, 0, "to-dir/", DIRECTORY);
    open_link("path_open file not followed", dir, 0, "f", 0);
    open_link("path_open dangling link followed", dir, FOLLOW, "to-nothing", 0);
    open_link("path_open dangling link not followed", dir, 0, "to-nothing", 0);
    open_link("path_open create exclusively on a dangling link", dir, FOLLOW, "to-nothing", CREAT | EXCL);
    open_link("path_open create exclusively on a link", dir, FOLLOW, "to-file", CREAT | EXCL);
    open_link("path_open create on a dangling link not followed", dir, 0, "to-nothing", CREAT);
    report_value("path_open created nothing through a link", 0, "%s", kind(dir, "made"));
    open_link("path_open create through a dangling link", dir, FOLLOW, "to-nothing", CREAT);
    report_value("path_open created through a link", 0, "%s", kind(dir, "made"));
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "files", files);
    group(scratch, "directories", directories);
    group(scratch, "links", links);
    return 0;
}
