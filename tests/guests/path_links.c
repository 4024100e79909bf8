/* path_link, path_symlink, path_readlink. */
#include "case.h"

static uint64_t links(fd_t dir, const char *path) {
    __wasi_filestat_t stat = {0};
    must(__wasi_path_filestat_get(dir, 0, path, &stat));
    return stat.nlink;
}

static void hard(fd_t dir) {
    create(dir, "f", "hello");
    make_dir(dir, "d");
    error_t error = __wasi_path_link(dir, 0, "f", dir, "g");
    report_value("path_link simple", error, "%llu %llu", links(dir, "f"), links(dir, "g"));
    __wasi_filestat_t f, g;
    must(__wasi_path_filestat_get(dir, 0, "f", &f));
    must(__wasi_path_filestat_get(dir, 0, "g", &g));
    report_value("path_link same inode", 0, "%d", f.ino == g.ino && f.dev == g.dev);
    create(dir, "g", "changed");
    report_value("path_link writes seen through both", 0, "%s", content(dir, "f"));
    error = __wasi_path_link(dir, 0, "f", dir, "d/h");
    report_value("path_link into a subdirectory", error, "%llu", links(dir, "f"));
    fd_t sub = open_dir(dir, "d");
    error = __wasi_path_link(sub, 0, "h", dir, "up");
    report_value("path_link between directories", error, "%llu", links(dir, "f"));
    close_fd(sub);
    error = __wasi_path_unlink_file(dir, "f");
    report_value("path_unlink_file one of four links", error, "%llu %s", links(dir, "g"), content(dir, "g"));

    report("path_link over a file", __wasi_path_link(dir, 0, "g", dir, "up"));
    report("path_link over itself", __wasi_path_link(dir, 0, "g", dir, "g"));
    report("path_link over a directory", __wasi_path_link(dir, 0, "g", dir, "d"));
    report("path_link missing source", __wasi_path_link(dir, 0, "missing", dir, "x"));
    report("path_link into a missing directory", __wasi_path_link(dir, 0, "g", dir, "missing/x"));
    report("path_link below a file", __wasi_path_link(dir, 0, "g", dir, "up/x"));
    report("path_link directory", __wasi_path_link(dir, 0, "d", dir, "x"));
    report("path_link dot", __wasi_path_link(dir, 0, ".", dir, "x"));
    report("path_link source with a slash", __wasi_path_link(dir, 0, "g/", dir, "x"));
    report("path_link target with a slash", __wasi_path_link(dir, 0, "g", dir, "x/"));
    report("path_link target dot", __wasi_path_link(dir, 0, "g", dir, "."));

    make_symlink(dir, "g", "soft");
    make_symlink(dir, "nowhere", "dangling");
    report("path_link symbolic link itself", __wasi_path_link(dir, 0, "soft", dir, "soft2"));
    report_value("path_link made a symbolic link", 0, "%s", kind(dir, "soft2"));
    report("path_link symbolic link followed", __wasi_path_link(dir, FOLLOW, "soft", dir, "soft3"));
    report_value("path_link made through a symbolic link", 0, "%s", kind(dir, "soft3"));
    report("path_link dangling link itself", __wasi_path_link(dir, 0, "dangling", dir, "dangling2"));
    report("path_link over a dangling link", __wasi_path_link(dir, 0, "g", dir, "dangling"));
}

static void read_link(const char *name, fd_t dir, const char *path, size_t size) {
    uint8_t buffer[128];
    __wasi_size_t n = 0;
    memset(buffer, '#', sizeof buffer);
    error_t error = __wasi_path_readlink(dir, path, buffer, size, &n);
    report_value(name, error, "%zu %.*s%d", n, (int)n, (char *)buffer, buffer[size] == '#');
}

static void soft(fd_t dir) {
    create(dir, "f", "hello");
    make_dir(dir, "d");
    report("path_symlink to a file", __wasi_path_symlink("f", dir, "link"));
    report("path_symlink to a directory", __wasi_path_symlink("d", dir, "dir-link"));
    report("path_symlink dangling", __wasi_path_symlink("no/where/at/all", dir, "dangling"));
    report("path_symlink to the parent", __wasi_path_symlink("../d/./..//f", dir, "d/crooked"));
    report("path_symlink absolute", __wasi_path_symlink("/f", dir, "absolute"));
    report("path_symlink empty target", __wasi_path_symlink("", dir, "empty"));
    report("path_symlink over a file", __wasi_path_symlink("f", dir, "f"));
    report("path_symlink over a directory", __wasi_path_symlink("f", dir, "d"));
    report("path_symlink over a link", __wasi_path_symlink("f", dir, "link"));
    report("path_symlink over a dangling link", __wasi_path_symlink("f", dir, "dangling"));
    report("path_symlink in a missing directory", __wasi_path_symlink("f", dir, "missing/x"));
    report("path_symlink below a file", __wasi_path_symlink("f", dir, "f/x"));
    report("path_symlink name with a slash", __wasi_path_symlink("f", dir, "new/"));
    report("path_symlink directory with a slash", __wasi_path_symlink("f", dir, "d/"));
    report("path_symlink dot", __wasi_path_symlink("f", dir, "."));

    read_link("path_readlink simple", dir, "link", 64);
    read_link("path_readlink of a directory link", dir, "dir-link", 64);
    read_link("path_readlink dangling", dir, "dangling", 64);
    read_link("path_readlink keeps the target as given", dir, "d/crooked", 64);
    read_link("path_readlink exact buffer", dir, "dangling", 15);
    read_link("path_readlink short buffer", dir, "dangling", 5);
    read_link("path_readlink no buffer", dir, "dangling", 0);
    read_link("path_readlink file", dir, "f", 64);
    read_link("path_readlink directory", dir, "d", 64);
    read_link("path_readlink dot", dir, ".", 64);
    read_link("path_readlink missing", dir, "missing", 64);
    read_link("path_readlink below a file", dir, "f/x", 64);
    read_link("path_readlink below a link", dir, "dir-link/crooked", 64);
    read_link("path_readlink link with a slash", dir, "dir-link/", 64);
    read_link("path_readlink file link with a slash", dir, "link/", 64);
    __wasi_filestat_t stat = {0};
    error_t error = __wasi_path_filestat_get(dir, 0, "dangling", &stat);
    report_value("path_filestat_get size of a link", error, "%llu", stat.size);

    static char target[1001];
    static uint8_t back[2000];
    __wasi_size_t n = 0;
    memset(target, 't', 1000);
    error = __wasi_path_symlink(target, dir, "long");
    if (error == 0) error = __wasi_path_readlink(dir, "long", back, sizeof back, &n);
    report_value("path_readlink long target", error, "%zu %d", n, n == 1000 && memcmp(target, back, n) == 0);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "hard", hard);
    group(scratch, "soft", soft);
    return 0;
}
