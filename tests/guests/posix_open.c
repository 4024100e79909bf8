/* openat and its flags. */
#include "posix.h"

static void attempt(const char *name, int dir, const char *path, int flags) {
    int fd = openat(dir, path, flags, 0644);
    struct stat stat = {0};
    if (fd != -1) {
        must(fstat(fd, &stat));
        close(fd);
    }
    report_value(name, fd, "%s", mode_name(stat.st_mode));
}

static void files(int dir) {
    attempt("open missing", dir, "f", O_RDONLY);
    attempt("open create", dir, "f", O_RDWR | O_CREAT);
    attempt("open create existing", dir, "f", O_RDWR | O_CREAT);
    attempt("open create exclusively existing", dir, "f", O_RDWR | O_CREAT | O_EXCL);
    attempt("open create exclusively", dir, "g", O_RDWR | O_CREAT | O_EXCL);
    create(dir, "f", "hello");
    attempt("open truncate", dir, "f", O_WRONLY | O_TRUNC);
    report_value("open truncated", 0, "[%s]", content(dir, "f"));
    create(dir, "f", "hello");
    attempt("open create and truncate", dir, "f", O_RDWR | O_CREAT | O_TRUNC);
    report_value("open created and truncated", 0, "[%s]", content(dir, "f"));
    attempt("open truncate missing", dir, "missing", O_WRONLY | O_TRUNC);
    attempt("open create for reading", dir, "r", O_RDONLY | O_CREAT);
    attempt("open file as directory", dir, "f", O_RDONLY | O_DIRECTORY);
    attempt("open below a file", dir, "f/x", O_RDONLY);
    attempt("open create below a file", dir, "f/x", O_RDWR | O_CREAT);
    attempt("open create below nothing", dir, "nothing/x", O_RDWR | O_CREAT);
    attempt("open file with a slash", dir, "f/", O_RDONLY);
    attempt("open create with a slash", dir, "new/", O_RDWR | O_CREAT);
    attempt("open empty name", dir, "", O_RDONLY);
    attempt("open sync", dir, "f", O_RDWR | O_SYNC);
    attempt("open dsync", dir, "f", O_RDWR | O_DSYNC);
    int fd = must(openat(dir, "f", O_RDONLY));
    attempt("open relative to a file", fd, "x", O_RDONLY);
    close(fd);
    attempt("open relative to a closed descriptor", fd, "x", O_RDONLY);
}

static void directories(int dir) {
    must(mkdirat(dir, "d", 0755));
    attempt("open directory", dir, "d", O_RDONLY | O_DIRECTORY);
    attempt("open directory unasked", dir, "d", O_RDONLY);
    attempt("open directory for writing", dir, "d", O_WRONLY);
    attempt("open directory for both", dir, "d", O_RDWR);
    attempt("open directory with a slash", dir, "d/", O_RDONLY);
    attempt("open dot", dir, ".", O_RDONLY | O_DIRECTORY);
    attempt("open create on a directory", dir, "d", O_RDWR | O_CREAT);
    attempt("open create exclusively on a directory", dir, "d", O_RDWR | O_CREAT | O_EXCL);
    attempt("open missing directory", dir, "missing", O_RDONLY | O_DIRECTORY);
}

static void links(int dir) {
    create(dir, "f", "hello");
    must(mkdirat(dir, "d", 0755));
    must(symlinkat("f", dir, "to-file"));
    must(symlinkat("d", dir, "to-dir"));
    must(symlinkat("made", dir, "to-nothing"));
    must(symlinkat("self", dir, "self"));
    attempt("open link", dir, "to-file", O_RDONLY);
    attempt("open link not followed", dir, "to-file", O_RDONLY | O_NOFOLLOW);
    attempt("open directory link", dir, "to-dir", O_RDONLY | O_DIRECTORY);
    attempt("open dangling link", dir, "to-nothing", O_RDONLY);
    attempt("open create exclusively on a dangling link", dir, "to-nothing", O_RDWR | O_CREAT | O_EXCL);
    attempt("open create exclusively on a link", dir, "to-file", O_RDWR | O_CREAT | O_EXCL);
    attempt("open create through a dangling link", dir, "to-nothing", O_RDWR | O_CREAT);
    report_value("open created through a link", 0, "%s", kind(dir, "made"));
    attempt("open link to itself", dir, "self", O_RDONLY);
    attempt("open below a link to itself", dir, "self/x", O_RDONLY);
    attempt("open through a link and up", dir, "to-dir/../f", O_RDONLY);
    attempt("open below a link to a file", dir, "to-file/x", O_RDONLY);
    for (int i = 0; i <= 45; i++) {
        char name[16], target[16];
        snprintf(name, sizeof name, "chain-%d", i);
        snprintf(target, sizeof target, i == 0 ? "f" : "chain-%d", i - 1);
        must(symlinkat(target, dir, name));
    }
    attempt("open forty links in a row", dir, "chain-39", O_RDONLY);
    attempt("open forty-one links in a row", dir, "chain-40", O_RDONLY);
    report("access existing", faccessat(dir, "f", F_OK, 0));
    report("access missing", faccessat(dir, "missing", F_OK, 0));
    report("access dangling", faccessat(dir, "self", F_OK, 0));
}

int main(int argc, char **argv) {
    if (argc < 2) return 1;
    group(argv[1], "files", files);
    group(argv[1], "directories", directories);
    group(argv[1], "links", links);
    return 0;
}
