/* How a path is walked: dots, slashes, symbolic links, loops, and every way out of the preopen. */
#include "case.h"

static error_t open_read(fd_t dir, const char *path) {
    fd_t fd;
    error_t error = path_open_rights(dir, path, 0, __WASI_RIGHTS_FD_READ, 0, &fd);
    if (error == 0) close_fd(fd);
    return error;
}

static void look(const char *name, fd_t dir, const char *path) {
    __wasi_filestat_t stat = {0};
    error_t error = __wasi_path_filestat_get(dir, FOLLOW, path, &stat);
    report_value(name, error, "%s", filetype_name(stat.filetype));
}

static void look_unfollowed(const char *name, fd_t dir, const char *path) {
    __wasi_filestat_t stat = {0};
    error_t error = __wasi_path_filestat_get(dir, 0, path, &stat);
    report_value(name, error, "%s", filetype_name(stat.filetype));
}

static void dots(fd_t dir) {
    make_dir(dir, "a");
    make_dir(dir, "a/b");
    create(dir, "a/b/f", "x");
    create(dir, "top", "x");
    look("path_filestat_get nested", dir, "a/b/f");
    look("path_filestat_get dot", dir, ".");
    look("path_filestat_get dots inside", dir, "./a/./b/./f");
    look("path_filestat_get double slashes", dir, "a//b///f");
    look("path_filestat_get up and down", dir, "a/b/../../top");
    look("path_filestat_get up to the directory itself", dir, "a/..");
    look("path_filestat_get up from a missing name", dir, "missing/../top");
    look("path_filestat_get up from a file", dir, "top/../top");
    look("path_filestat_get dot below a file", dir, "top/.");
    look("path_filestat_get file with a slash", dir, "top/");
    look("path_filestat_get directory with a slash", dir, "a/b/");
    look("path_filestat_get directory with slashes", dir, "a/b///");
    look("path_filestat_get missing with a slash", dir, "missing/");
    look("path_filestat_get three dots", dir, "...");
    fd_t sub = open_dir(dir, "a/b");
    look("path_filestat_get within a subdirectory", sub, "f");
    /* A descriptor is a capability for what is below it, whoever opened it. */
    look("path_filestat_get above a subdirectory", sub, "../../top");
    close_fd(sub);
}

static void links(fd_t dir) {
    make_dir(dir, "d");
    make_dir(dir, "d/e");
    create(dir, "d/f", "x");
    make_symlink(dir, "d", "to-d");
    make_symlink(dir, "d/", "to-d-slash");
    make_symlink(dir, "d/f", "to-f");
    make_symlink(dir, "d/f/", "to-f-slash");
    make_symlink(dir, "to-f", "to-to-f");
    make_symlink(dir, "../d/f", "d/up");
    make_symlink(dir, "..", "d/parent");
    make_symlink(dir, ".", "here");
    make_symlink(dir, "nowhere", "dangling");
    look("path_filestat_get through a link", dir, "to-d/f");
    look("path_filestat_get link with a slash in its target", dir, "to-d-slash");
    look("path_filestat_get link to a file", dir, "to-f");
    look("path_filestat_get link to a file with a slash in its target", dir, "to-f-slash");
    look("path_filestat_get link to a link", dir, "to-to-f");
    look("path_filestat_get link upwards", dir, "d/up");
    look("path_filestat_get link to the parent", dir, "d/parent/d/f");
    look("path_filestat_get link to here", dir, "here/here/here/d");
    look("path_filestat_get up after a link", dir, "to-d/../d/f");
    look("path_filestat_get dangling link", dir, "dangling");
    look("path_filestat_get below a dangling link", dir, "dangling/x");
    look("path_filestat_get below a link to a file", dir, "to-f/x");
    look_unfollowed("path_filestat_get link itself", dir, "to-d");
    look_unfollowed("path_filestat_get link itself, to a file", dir, "to-f");
    look_unfollowed("path_filestat_get dangling link itself", dir, "dangling");
    look_unfollowed("path_filestat_get link to a directory with a slash", dir, "to-d/");
    look_unfollowed("path_filestat_get link to a file with a slash", dir, "to-f/");
    look_unfollowed("path_filestat_get dangling link with a slash", dir, "dangling/");
    look_unfollowed("path_filestat_get through a link, last not followed", dir, "to-d/up");
    look_unfollowed("path_filestat_get link to a directory with a dot", dir, "to-d/.");
    report_value("path_open through links", 0, "%s", content(dir, "here/to-d/../to-to-f"));
}

static void loops(fd_t dir) {
    make_symlink(dir, "self", "self");
    make_symlink(dir, "ping", "pong");
    make_symlink(dir, "pong", "ping");
    make_symlink(dir, "deeper/x", "deeper");
    look("path_filestat_get link to itself", dir, "self");
    look_unfollowed("path_filestat_get link to itself, not followed", dir, "self");
    look("path_filestat_get below a link to itself", dir, "self/x");
    look("path_filestat_get two links in a circle", dir, "ping");
    look("path_filestat_get link below itself", dir, "deeper");
    report("path_open link to itself", open_read(dir, "self"));
    report("path_open create through a link to itself",
           path_open_rights(dir, "self", CREAT, RIGHTS_ALL, 0, &(fd_t){0}));
    report("path_create_directory below a loop", __wasi_path_create_directory(dir, "self/x"));
    report("path_unlink_file link to itself", __wasi_path_unlink_file(dir, "self"));

    /* Linux follows forty links in one path; POSIX asks for at least eight. */
    create(dir, "link-0", "end");
    for (int i = 1; i <= 100; i++) {
        char target[16], name[16];
        snprintf(target, sizeof target, "link-%d", i - 1);
        snprintf(name, sizeof name, "link-%d", i);
        make_symlink(dir, target, name);
    }
    report("path_open eight links in a row", open_read(dir, "link-8"));
    report("path_open twenty links in a row", open_read(dir, "link-20"));
    report("path_open a hundred links in a row", open_read(dir, "link-100"));
}

/* Each way of leaving: `path` is refused by every call that takes one. */
static void escape(const char *what, fd_t dir, const char *path) {
    char name[128];
    uint8_t buffer[64];
    __wasi_size_t n;
    __wasi_filestat_t stat;
    fd_t fd = -1;
#define REFUSED(function, call)                                        \
    do {                                                               \
        snprintf(name, sizeof name, "%s escape %s", function, what);   \
        report(name, call);                                            \
    } while (0)
    REFUSED("path_open", __wasi_path_open(dir, FOLLOW, path, 0, __WASI_RIGHTS_FD_READ, 0, 0, &fd));
    if (fd >= 0) close_fd(fd);
    REFUSED("path_filestat_get", __wasi_path_filestat_get(dir, FOLLOW, path, &stat));
    REFUSED("path_filestat_set_times", __wasi_path_filestat_set_times(dir, FOLLOW, path, 0, 0, __WASI_FSTFLAGS_ATIM));
    REFUSED("path_create_directory", __wasi_path_create_directory(dir, path));
    REFUSED("path_remove_directory", __wasi_path_remove_directory(dir, path));
    REFUSED("path_unlink_file", __wasi_path_unlink_file(dir, path));
    REFUSED("path_readlink", __wasi_path_readlink(dir, path, buffer, sizeof buffer, &n));
    REFUSED("path_link from", __wasi_path_link(dir, 0, path, dir, "new"));
    REFUSED("path_link to", __wasi_path_link(dir, 0, "f", dir, path));
    REFUSED("path_rename from", __wasi_path_rename(dir, path, dir, "new"));
    REFUSED("path_rename to", __wasi_path_rename(dir, "f", dir, path));
    REFUSED("path_symlink at", __wasi_path_symlink("f", dir, path));
#undef REFUSED
}

static void escapes(fd_t dir) {
    make_dir(dir, "d");
    create(dir, "outside", "x");
    fd_t sub = open_dir(dir, "d");
    create(sub, "f", "x");
    make_symlink(sub, "..", "up");
    make_symlink(sub, "../..", "far-up");
    make_symlink(sub, "../outside", "out");
    make_dir(sub, "deep");
    make_symlink(sub, "../..", "deep/up-up");
    escape("parent", sub, "..");
    escape("parent with a slash", sub, "../");
    escape("name in the parent", sub, "../outside");
    escape("grandparent", sub, "../../x");
    escape("parent after going down", sub, "deep/../../outside");
    escape("back in by name", sub, "../d/f");
    escape("missing name then parent", sub, "missing/../../outside");
    escape("file then parent", sub, "f/../../outside");
    escape("absolute", sub, "/etc/passwd");
    escape("root", sub, "/");
    escape("double slash", sub, "//");
    escape("below a link to the parent", sub, "up/outside");
    escape("below a link to the grandparent", sub, "far-up/x");
    escape("below a nested link out", sub, "deep/up-up/outside");
    report("path_open link out followed", open_read(sub, "out"));
    look("path_filestat_get link out followed", sub, "out");
    look_unfollowed("path_filestat_get link out not followed", sub, "out");
    look("path_filestat_get link to the parent followed", sub, "up");
    fd_t fd = -1;
    report("path_open create through a link out", path_open_rights(sub, "out", CREAT | TRUNC, RIGHTS_ALL, 0, &fd));
    report_value("path_open link out left the file alone", 0, "%s", content(dir, "outside"));
    report("path_filestat_set_times link out followed",
           __wasi_path_filestat_set_times(sub, FOLLOW, "out", 0, 0, __WASI_FSTFLAGS_ATIM));
    report("path_link link out followed", __wasi_path_link(sub, FOLLOW, "out", sub, "hard"));
    report_value("path_unlink_file link out", __wasi_path_unlink_file(sub, "out"), "%s", content(dir, "outside"));
    report("path_symlink absolute target", __wasi_path_symlink("/etc/passwd", sub, "abs"));
    look("path_filestat_get absolute link followed", sub, "abs");
    report("path_open absolute link followed", open_read(sub, "abs"));
    close_fd(sub);

    /* The deepest preopen there is. */
    look("path_filestat_get nothing above the scratch directory", dir, "../../..");
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "dots", dots);
    group(scratch, "links", links);
    group(scratch, "loops", loops);
    group(scratch, "escapes", escapes);
    return 0;
}
