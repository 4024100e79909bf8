/* mkdirat, unlinkat, linkat, symlinkat, readlinkat, renameat. */
#include "posix.h"

static void remove_dir(const char *name, int dir, const char *path) {
    report(name, unlinkat(dir, path, AT_REMOVEDIR));
}

static void directories(int dir) {
    create(dir, "f", "x");
    must(symlinkat("nowhere", dir, "dangling"));
    report("mkdir simple", mkdirat(dir, "d", 0755));
    report("mkdir existing", mkdirat(dir, "d", 0755));
    report("mkdir over a file", mkdirat(dir, "f", 0755));
    report("mkdir over a dangling link", mkdirat(dir, "dangling", 0755));
    report("mkdir nested", mkdirat(dir, "d/e", 0755));
    report("mkdir in a missing directory", mkdirat(dir, "missing/e", 0755));
    report("mkdir below a file", mkdirat(dir, "f/e", 0755));
    report("mkdir with a slash", mkdirat(dir, "slash/", 0755));
    report("mkdir dot", mkdirat(dir, ".", 0755));
    report("mkdir empty name", mkdirat(dir, "", 0755));
    remove_dir("rmdir with a directory in it", dir, "d");
    remove_dir("rmdir parent of a directory", dir, "d/e/..");
    remove_dir("rmdir dot", dir, "d/.");
    remove_dir("rmdir with a slash", dir, "slash/");
    remove_dir("rmdir simple", dir, "d/e");
    remove_dir("rmdir emptied", dir, "d");
    remove_dir("rmdir missing", dir, "d");
    remove_dir("rmdir file", dir, "f");
    remove_dir("rmdir link", dir, "dangling");
    remove_dir("rmdir below a file", dir, "f/d");
    must(mkdirat(dir, "d", 0755));
    must(symlinkat("d", dir, "to-d"));
    remove_dir("rmdir link with a slash", dir, "to-d/");
    int fd = must(openat(dir, "d", O_RDONLY | O_DIRECTORY));
    remove_dir("rmdir open", dir, "d");
    report("mkdir in a removed directory", mkdirat(fd, "x", 0755));
    close(fd);
    fd = must(openat(dir, "f", O_RDONLY));
    report("mkdir relative to a file", mkdirat(fd, "x", 0755));
    report("unlink relative to a file", unlinkat(fd, "x", 0));
    report("symlink relative to a file", symlinkat("x", fd, "x"));
    report("link relative to a file", linkat(fd, "x", dir, "y", 0));
    report("rename relative to a file", renameat(fd, "x", dir, "y"));
    close(fd);
}

static void unlinking(int dir) {
    create(dir, "f", "x");
    create(dir, "g", "x");
    must(mkdirat(dir, "d", 0755));
    must(symlinkat("g", dir, "link"));
    must(symlinkat("nowhere", dir, "dangling"));
    report("unlink simple", unlinkat(dir, "f", 0));
    report("unlink missing", unlinkat(dir, "f", 0));
    report("unlink directory", unlinkat(dir, "d", 0));
    report("unlink directory with a slash", unlinkat(dir, "d/", 0));
    report("unlink file with a slash", unlinkat(dir, "g/", 0));
    report("unlink below a file", unlinkat(dir, "g/f", 0));
    report_value("unlink link", unlinkat(dir, "link", 0), "%s", kind(dir, "g"));
    report("unlink dangling link", unlinkat(dir, "dangling", 0));
}

static int links(int dir, const char *path) {
    struct stat stat = {0};
    must(fstatat(dir, path, &stat, AT_SYMLINK_NOFOLLOW));
    return (int)stat.st_nlink;
}

static void linking(int dir) {
    create(dir, "f", "hello");
    must(mkdirat(dir, "d", 0755));
    must(symlinkat("f", dir, "soft"));
    must(symlinkat("nowhere", dir, "dangling"));
    report_value("link simple", linkat(dir, "f", dir, "g", 0), "%d %d", links(dir, "f"), links(dir, "g"));
    report_value("link into a directory", linkat(dir, "f", dir, "d/h", 0), "%d", links(dir, "f"));
    report("link over a file", linkat(dir, "f", dir, "g", 0));
    report("link over itself", linkat(dir, "f", dir, "f", 0));
    report("link over a directory", linkat(dir, "f", dir, "d", 0));
    report("link over a dangling link", linkat(dir, "f", dir, "dangling", 0));
    report("link missing", linkat(dir, "missing", dir, "x", 0));
    report("link into a missing directory", linkat(dir, "f", dir, "missing/x", 0));
    report("link below a file", linkat(dir, "f", dir, "g/x", 0));
    report("link directory", linkat(dir, "d", dir, "x", 0));
    report("link source with a slash", linkat(dir, "f/", dir, "x", 0));
    report("link target with a slash", linkat(dir, "f", dir, "x/", 0));
    report_value("link symbolic link", linkat(dir, "soft", dir, "soft2", 0), "%s", kind(dir, "soft2"));
    report_value("link followed", linkat(dir, "soft", dir, "hard", AT_SYMLINK_FOLLOW), "%s", kind(dir, "hard"));

    char buffer[64];
    report("symlink over a file", symlinkat("x", dir, "f"));
    report("symlink over a dangling link", symlinkat("x", dir, "dangling"));
    report("symlink empty target", symlinkat("", dir, "x"));
    report("symlink below a file", symlinkat("x", dir, "f/x"));
    report("symlink in a missing directory", symlinkat("x", dir, "missing/x"));
    report("symlink with a slash", symlinkat("x", dir, "new/"));
    ssize_t n = readlinkat(dir, "dangling", buffer, sizeof buffer);
    report_value("readlink dangling", n, "%zd %.*s", n, (int)n, buffer);
    n = readlinkat(dir, "dangling", buffer, 3);
    report_value("readlink short buffer", n, "%zd %.*s", n, (int)n, buffer);
    report("readlink file", readlinkat(dir, "f", buffer, sizeof buffer));
    report("readlink directory", readlinkat(dir, "d", buffer, sizeof buffer));
    report("readlink missing", readlinkat(dir, "missing", buffer, sizeof buffer));
    struct stat stat;
    report_value("lstat link", fstatat(dir, "dangling", &stat, AT_SYMLINK_NOFOLLOW), "%s %lld", mode_name(stat.st_mode),
                 (long long)stat.st_size);
    report("stat dangling", fstatat(dir, "dangling", &stat, 0));
}

static void move(const char *name, int dir, const char *from, const char *to) {
    report_value(name, renameat(dir, from, dir, to), "%s", kind(dir, from));
}

static void renaming(int dir) {
    create(dir, "f", "f");
    create(dir, "g", "g");
    must(mkdirat(dir, "d", 0755));
    must(mkdirat(dir, "e", 0755));
    must(mkdirat(dir, "full", 0755));
    create(dir, "full/x", "x");
    must(symlinkat("g", dir, "link"));
    must(symlinkat("d", dir, "to-d"));
    move("rename over a file", dir, "f", "g");
    report_value("rename replaced", 0, "%s", content(dir, "g"));
    move("rename over itself", dir, "g", "g");
    must(linkat(dir, "g", dir, "h", 0));
    move("rename over its other link", dir, "g", "h");
    move("rename file over a directory", dir, "g", "d");
    move("rename directory over a file", dir, "d", "g");
    move("rename directory over an empty one", dir, "d", "e");
    move("rename directory over a full one", dir, "e", "full");
    move("rename file over a full directory", dir, "g", "full");
    move("rename into itself", dir, "e", "e/x");
    move("rename full over its own subdirectory", dir, "full", "full/sub");
    move("rename missing", dir, "missing", "x");
    move("rename into a missing directory", dir, "g", "missing/x");
    move("rename below a file", dir, "g", "h/x");
    move("rename from below a file", dir, "h/x", "x");
    move("rename file with a slash", dir, "g/", "x");
    move("rename file to a name with a slash", dir, "g", "x/");
    move("rename directory to a name with a slash", dir, "e", "x/");
    move("rename directory with a slash", dir, "x/", "e");
    move("rename dot", dir, ".", "x");
    move("rename over dot", dir, "e", ".");
    move("rename dot dot", dir, "e/..", "x");
    move("rename link", dir, "link", "link2");
    move("rename file over a link", dir, "g", "link2");
    report_value("rename replaced the link", 0, "%s", kind(dir, "link2"));
    move("rename directory over a link to a directory", dir, "e", "to-d");
    move("rename link over a directory", dir, "to-d", "e");
}

int main(int argc, char **argv) {
    if (argc < 2) return 1;
    group(argv[1], "directories", directories);
    group(argv[1], "unlinking", unlinking);
    group(argv[1], "linking", linking);
    group(argv[1], "renaming", renaming);
    return 0;
}
