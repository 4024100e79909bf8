/* path_rename. */
#include "case.h"

static void move(const char *name, fd_t dir, const char *from, const char *to) {
    error_t error = __wasi_path_rename(dir, from, dir, to);
    report_value(name, error, "%s", kind(dir, from));
}

static void files(fd_t dir) {
    create(dir, "f", "f");
    create(dir, "g", "g");
    make_dir(dir, "d");
    make_dir(dir, "e");
    move("path_rename file", dir, "f", "f2");
    report_value("path_rename kept the content", 0, "%s", content(dir, "f2"));
    move("path_rename file over a file", dir, "f2", "g");
    report_value("path_rename replaced the file", 0, "%s", content(dir, "g"));
    move("path_rename file into a directory", dir, "g", "d/g");
    move("path_rename file back out", dir, "d/g", "./d/../g");
    move("path_rename file over a directory", dir, "g", "d");
    create(dir, "d/inside", "x");
    move("path_rename file over a full directory", dir, "g", "d");
    move("path_rename file below itself", dir, "g", "g/x");
    move("path_rename file over itself", dir, "g", "g");
    report_value("path_rename over itself kept the file", 0, "%s", content(dir, "g"));
    must(__wasi_path_link(dir, 0, "g", dir, "h"));
    move("path_rename file over its other link", dir, "g", "h");
    report_value("path_rename over its other link kept the one", 0, "%s", content(dir, "g"));
    report_value("path_rename over its other link kept the other", 0, "%s", content(dir, "h"));
    move("path_rename missing", dir, "missing", "x");
    move("path_rename missing over a file", dir, "missing", "g");
    move("path_rename into a missing directory", dir, "g", "missing/x");
    move("path_rename below a file", dir, "g", "h/x");
    move("path_rename from below a file", dir, "h/x", "y");
    move("path_rename file with a slash", dir, "g/", "x");
    move("path_rename file to a name with a slash", dir, "g", "x/");
    move("path_rename file to a directory with a slash", dir, "g", "e/");
    fd_t sub = open_dir(dir, "e");
    error_t error = __wasi_path_rename(dir, "g", sub, "moved");
    report_value("path_rename between descriptors", error, "%s %s", kind(dir, "g"), content(dir, "e/moved"));
    close_fd(sub);

    create(dir, "open", "open");
    create(dir, "over", "over");
    fd_t fd = open_file(dir, "over", 0);
    move("path_rename over an open file", dir, "open", "over");
    char buffer[8] = {0};
    __wasi_size_t n;
    error = read_once(fd, buffer, sizeof buffer - 1, &n);
    report_value("fd_read of a replaced file", error, "%s", buffer);
    __wasi_filestat_t stat = {0};
    error = __wasi_fd_filestat_get(fd, &stat);
    report_value("fd_filestat_get of a replaced file", error, "links %llu", stat.nlink);
    close_fd(fd);
}

static void directories(fd_t dir) {
    make_dir(dir, "d");
    create(dir, "d/f", "f");
    make_dir(dir, "empty");
    make_dir(dir, "full");
    create(dir, "full/x", "x");
    create(dir, "file", "file");
    move("path_rename directory", dir, "d", "d2");
    report_value("path_rename directory took its content", 0, "%s", content(dir, "d2/f"));
    move("path_rename directory over an empty one", dir, "d2", "empty");
    report_value("path_rename directory replaced the empty one", 0, "%s", content(dir, "empty/f"));
    move("path_rename directory over a full one", dir, "empty", "full");
    move("path_rename directory over a file", dir, "empty", "file");
    move("path_rename directory over itself", dir, "empty", "empty");
    move("path_rename directory into itself", dir, "empty", "empty/x");
    make_dir(dir, "empty/sub");
    move("path_rename directory into its own subdirectory", dir, "empty", "empty/sub/x");
    move("path_rename directory onto its own subdirectory", dir, "empty", "empty/sub");
    move("path_rename subdirectory over its full parent", dir, "empty/sub", "empty");
    move("path_rename directory to a name with a slash", dir, "empty", "slash/");
    move("path_rename directory with a slash", dir, "slash/", "empty");
    move("path_rename directory with slashes", dir, "empty//", "slash//");
    move("path_rename dot", dir, ".", "x");
    move("path_rename over dot", dir, "slash", ".");
    move("path_rename dot in a directory", dir, "slash/.", "x");
    move("path_rename parent", dir, "slash/..", "x");
    move("path_rename over a parent", dir, "file", "slash/..");
    make_dir(dir, "into");
    move("path_rename directory into another", dir, "slash", "into/slash");
    report_value("path_rename directory moved down", 0, "%s", content(dir, "into/slash/f"));
    fd_t fd = open_dir(dir, "into/slash");
    move("path_rename open directory", dir, "into/slash", "moved");
    report_value("path_open in a renamed directory", 0, "%s", content(fd, "f"));
    close_fd(fd);
}

static void links(fd_t dir) {
    create(dir, "f", "f");
    make_dir(dir, "d");
    make_symlink(dir, "f", "link");
    make_symlink(dir, "d", "dir-link");
    make_symlink(dir, "nowhere", "dangling");
    move("path_rename link", dir, "link", "link2");
    report_value("path_rename moved the link itself", 0, "%s %s", kind(dir, "link2"), kind(dir, "f"));
    move("path_rename link to a directory", dir, "dir-link", "dir-link2");
    report_value("path_rename moved the directory link itself", 0, "%s %s", kind(dir, "dir-link2"), kind(dir, "d"));
    move("path_rename dangling link", dir, "dangling", "dangling2");
    create(dir, "g", "g");
    move("path_rename file over a link", dir, "g", "link2");
    report_value("path_rename replaced the link", 0, "%s %s", kind(dir, "link2"), content(dir, "link2"));
    report_value("path_rename left the link's target", 0, "%s", content(dir, "f"));
    move("path_rename link over a file", dir, "dangling2", "link2");
    report_value("path_rename replaced the file by a link", 0, "%s", kind(dir, "link2"));
    move("path_rename directory over a link", dir, "d", "link2");
    move("path_rename link over a directory", dir, "link2", "d");
    move("path_rename directory link with a slash", dir, "dir-link2/", "x");
    move("path_rename directory over a link to a directory with a slash", dir, "d", "dir-link2/");
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "files", files);
    group(scratch, "directories", directories);
    group(scratch, "links", links);
    return 0;
}
