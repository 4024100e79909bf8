/* What a path may hold: nothing, NUL, bytes that are not UTF-8, too many bytes. */
#include "raw.h"

static void all(const char *what, fd_t dir, const char *path, size_t length) {
    char name[128];
    static uint8_t buffer[64];
    __wasi_size_t n;
    __wasi_filestat_t stat;
    fd_t fd = -1;
    pointer_t p = POINTER(path);
#define NAMED(function, call)                                    \
    do {                                                         \
        snprintf(name, sizeof name, "%s %s", function, what);    \
        report(name, (error_t)(call));                           \
    } while (0)
    NAMED("path_open", raw_path_open(dir, FOLLOW, p, length, 0, __WASI_RIGHTS_FD_READ, 0, 0, POINTER(&fd)));
    if (fd >= 0) close_fd(fd);
    fd = -1;
    NAMED("path_open creating", raw_path_open(dir, FOLLOW, p, length, CREAT, __WASI_RIGHTS_FD_READ, 0, 0, POINTER(&fd)));
    if (fd >= 0) close_fd(fd);
    NAMED("path_filestat_get", raw_path_filestat_get(dir, FOLLOW, p, length, POINTER(&stat)));
    NAMED("path_filestat_set_times",
          raw_path_filestat_set_times(dir, FOLLOW, p, length, 0, 0, __WASI_FSTFLAGS_ATIM));
    NAMED("path_create_directory", raw_path_create_directory(dir, p, length));
    NAMED("path_remove_directory", raw_path_remove_directory(dir, p, length));
    NAMED("path_unlink_file", raw_path_unlink_file(dir, p, length));
    NAMED("path_readlink", raw_path_readlink(dir, p, length, POINTER(buffer), sizeof buffer, POINTER(&n)));
    NAMED("path_link from", raw_path_link(dir, 0, p, length, dir, POINTER("new"), 3));
    NAMED("path_link to", raw_path_link(dir, 0, POINTER("f"), 1, dir, p, length));
    NAMED("path_rename from", raw_path_rename(dir, p, length, dir, POINTER("new"), 3));
    NAMED("path_rename to", raw_path_rename(dir, POINTER("f"), 1, dir, p, length));
    NAMED("path_symlink at", raw_path_symlink(POINTER("f"), 1, dir, p, length));
    NAMED("path_symlink to", raw_path_symlink(p, length, dir, POINTER("made"), 4));
    /* Whatever was made by a name that is taken after all. */
    (void)!__wasi_path_unlink_file(dir, "made");
#undef NAMED
}

static void bad(fd_t dir) {
    create(dir, "f", "x");
    make_dir(dir, "d");
    all("empty name", dir, "", 0);
    all("NUL alone", dir, "\0", 1);
    all("NUL inside", dir, "a\0b", 3);
    all("NUL at the end", dir, "f\0", 2);
    all("NUL below a directory", dir, "d/\0", 3);
    all("bytes that are no UTF-8", dir, "a\xff\xfe", 3);
    all("UTF-8 cut off", dir, "a\xc3", 2);
    all("UTF-8 too long a form", dir, "\xc0\xaf", 2);
    all("UTF-8 surrogate", dir, "\xed\xa0\x80", 3);
    all("UTF-8 above the last character", dir, "\xf4\x90\x80\x80", 4);
}

static void lengths(fd_t dir) {
    static char path[70000];
    create(dir, "f", "x");
    memset(path, 'n', sizeof path);
    all("name of 256 bytes", dir, path, 256);
    all("name of 65536 bytes", dir, path, 65536);
    fd_t fd = -1;
    report("path_open name of 255 bytes",
           (error_t)raw_path_open(dir, 0, POINTER(path), 255, CREAT, RIGHTS_ALL, 0, 0, POINTER(&fd)));
    if (fd >= 0) close_fd(fd);
    report("path_unlink_file name of 255 bytes", (error_t)raw_path_unlink_file(dir, POINTER(path), 255));

    /* Each component short, all of it longer than Linux's PATH_MAX of 4096. */
    for (size_t i = 0; i < sizeof path; i += 2) path[i] = '.', path[i + 1] = '/';
    __wasi_filestat_t stat;
    report("path_filestat_get path of 4000 bytes",
           (error_t)raw_path_filestat_get(dir, 0, POINTER(path), 4000, POINTER(&stat)));
    report("path_filestat_get path of 65536 bytes",
           (error_t)raw_path_filestat_get(dir, 0, POINTER(path), 65536, POINTER(&stat)));
}

static void good(fd_t dir) {
    static const char *const names[] = {"two words", "tab\tnew\nline", "back\\slash", "caf\xc3\xa9",
                                        "\xe6\xbc\xa2\xe5\xad\x97", "\xf0\x9f\x90\x8d", "-dash", "...", " ",
                                        "star*?[", "\x01\x7f", "C:", "nul", "con.txt", "dot.", "~"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        create(dir, names[i], "x");
        snprintf(name, sizeof name, "path_open odd name %zu", i);
        report_value(name, 0, "%s", content(dir, names[i]));
        snprintf(name, sizeof name, "path_unlink_file odd name %zu", i);
        report(name, __wasi_path_unlink_file(dir, names[i]));
    }
    /* Upper and lower case, composed and decomposed: names are bytes. */
    create(dir, "case", "lower");
    create(dir, "CASE", "upper");
    report_value("path_open name in lower case", 0, "%s", content(dir, "case"));
    report_value("path_open name in upper case", 0, "%s", content(dir, "CASE"));
    create(dir, "\xc3\xa9", "composed");
    report_value("path_filestat_get decomposed name", 0, "%s", kind(dir, "e\xcc\x81"));
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "bad", bad);
    group(scratch, "lengths", lengths);
    group(scratch, "good", good);
    return 0;
}
