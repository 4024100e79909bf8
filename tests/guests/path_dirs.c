/* path_create_directory, path_remove_directory, path_unlink_file. */
#include "case.h"

static void make(const char *name, fd_t dir, const char *path) {
    report(name, __wasi_path_create_directory(dir, path));
}

static void remove_dir(const char *name, fd_t dir, const char *path) {
    report(name, __wasi_path_remove_directory(dir, path));
}

static void unlink_file(const char *name, fd_t dir, const char *path) {
    report(name, __wasi_path_unlink_file(dir, path));
}

static void making(fd_t dir) {
    create(dir, "f", "x");
    make_symlink(dir, "nowhere", "dangling");
    make("path_create_directory simple", dir, "d");
    report_value("path_create_directory made a directory", 0, "%s", kind(dir, "d"));
    make("path_create_directory existing", dir, "d");
    make("path_create_directory over a file", dir, "f");
    make("path_create_directory over a dangling link", dir, "dangling");
    make("path_create_directory nested", dir, "d/e");
    make("path_create_directory in a missing directory", dir, "missing/e");
    make("path_create_directory below a file", dir, "f/e");
    make("path_create_directory with a slash", dir, "slash/");
    report_value("path_create_directory made with a slash", 0, "%s", kind(dir, "slash"));
    make("path_create_directory existing with a slash", dir, "d/");
    make("path_create_directory dot", dir, ".");
    make("path_create_directory dot in a directory", dir, "d/.");
    make("path_create_directory dot of a missing name", dir, "new/.");
    make("path_create_directory parent of a directory", dir, "d/..");
    make_symlink(dir, "d", "link");
    make("path_create_directory through a link", dir, "link/through");
    report_value("path_create_directory made through a link", 0, "%s", kind(dir, "d/through"));
    make("path_create_directory over a link to a directory", dir, "link");
}

static void removing(fd_t dir) {
    make_dir(dir, "d");
    make_dir(dir, "full");
    make_dir(dir, "nested");
    make_dir(dir, "nested/e");
    create(dir, "full/f", "x");
    create(dir, "f", "x");
    make_symlink(dir, "d", "link");
    make_symlink(dir, "nowhere", "dangling");
    remove_dir("path_remove_directory with a file in it", dir, "full");
    remove_dir("path_remove_directory with a directory in it", dir, "nested");
    remove_dir("path_remove_directory file", dir, "f");
    remove_dir("path_remove_directory file with a slash", dir, "f/");
    remove_dir("path_remove_directory link", dir, "link");
    remove_dir("path_remove_directory link with a slash", dir, "link/");
    remove_dir("path_remove_directory dangling link", dir, "dangling");
    remove_dir("path_remove_directory missing", dir, "missing");
    remove_dir("path_remove_directory in a missing directory", dir, "missing/d");
    remove_dir("path_remove_directory below a file", dir, "f/d");
    remove_dir("path_remove_directory dot", dir, ".");
    remove_dir("path_remove_directory dot in a directory", dir, "d/.");
    remove_dir("path_remove_directory parent of a directory", dir, "nested/e/..");
    remove_dir("path_remove_directory simple", dir, "d");
    report_value("path_remove_directory is gone", 0, "%s", kind(dir, "d"));
    make_dir(dir, "slash");
    remove_dir("path_remove_directory with a slash", dir, "slash/");
    must(__wasi_path_remove_directory(dir, "nested/e"));
    remove_dir("path_remove_directory emptied", dir, "nested");
    make_dir(dir, "open");
    fd_t fd = open_dir(dir, "open");
    remove_dir("path_remove_directory open", dir, "open");
    __wasi_filestat_t stat = {0};
    error_t error = __wasi_fd_filestat_get(fd, &stat);
    report_value("fd_filestat_get removed directory", error, "%s", filetype_name(stat.filetype));
    report("path_create_directory in a removed directory", __wasi_path_create_directory(fd, "x"));
    close_fd(fd);
}

static void unlinking(fd_t dir) {
    create(dir, "f", "x");
    create(dir, "g", "x");
    make_dir(dir, "d");
    make_symlink(dir, "g", "link");
    make_symlink(dir, "d", "dir-link");
    make_symlink(dir, "nowhere", "dangling");
    unlink_file("path_unlink_file simple", dir, "f");
    report_value("path_unlink_file is gone", 0, "%s", kind(dir, "f"));
    unlink_file("path_unlink_file missing", dir, "f");
    unlink_file("path_unlink_file directory", dir, "d");
    unlink_file("path_unlink_file directory with a slash", dir, "d/");
    unlink_file("path_unlink_file dot", dir, ".");
    unlink_file("path_unlink_file file with a slash", dir, "g/");
    unlink_file("path_unlink_file link to a directory with a slash", dir, "dir-link/");
    unlink_file("path_unlink_file link to a file with a slash", dir, "link/");
    unlink_file("path_unlink_file in a missing directory", dir, "missing/f");
    unlink_file("path_unlink_file below a file", dir, "g/f");
    unlink_file("path_unlink_file link", dir, "link");
    report_value("path_unlink_file leaves the link's target", 0, "%s %s", kind(dir, "link"), kind(dir, "g"));
    unlink_file("path_unlink_file link to a directory", dir, "dir-link");
    report_value("path_unlink_file leaves the link's directory", 0, "%s %s", kind(dir, "dir-link"), kind(dir, "d"));
    unlink_file("path_unlink_file dangling link", dir, "dangling");
    unlink_file("path_unlink_file parent of a directory", dir, "d/..");
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "making", making);
    group(scratch, "removing", removing);
    group(scratch, "unlinking", unlinking);
    return 0;
}
