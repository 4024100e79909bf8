/* fd_close, fd_renumber, fd_prestat_get, fd_prestat_dir_name: descriptors as numbers. */
#include "case.h"

static fd_t scratch_fd;
static const char *scratch_name;

static void closing(fd_t dir) {
    fd_t fd = open_file(dir, "f", CREAT);
    report("fd_close file", __wasi_fd_close(fd));
    report("fd_close twice", __wasi_fd_close(fd));
    fd = open_dir(dir, ".");
    report("fd_close directory", __wasi_fd_close(fd));

    fd_t held[64];
    error_t error = 0;
    bool distinct = true, positive = true;
    for (int i = 0; i < 64; i++) {
        error_t opened = path_open_rights(dir, "f", 0, RIGHTS_ALL, 0, &held[i]);
        if (error == 0) error = opened;
        positive = positive && held[i] > 2;
        for (int j = 0; j < i; j++) distinct = distinct && held[i] != held[j];
    }
    report_value("path_open many descriptors", error, "%d %d", positive, distinct);
    for (int i = 0; i < 64; i++) close_fd(held[i]);
}

static void renumbering(fd_t dir) {
    create(dir, "a", "aaaaaa");
    create(dir, "b", "bbbbbb");
    char buffer[4] = {0};
    __wasi_size_t n;
    fd_t a = open_file(dir, "a", 0), b = open_file(dir, "b", 0);
    must(read_once(a, buffer, 2, &n));
    report("fd_renumber over an open descriptor", __wasi_fd_renumber(a, b));
    report("fd_close renumbered source", __wasi_fd_close(a));
    uint64_t at = 0;
    error_t error = __wasi_fd_tell(b, &at);
    report_value("fd_renumber keeps the offset", error, "%llu", at);
    error = read_once(b, buffer, 2, &n);
    report_value("fd_renumber moves the file", error, "%s", buffer);
    report("fd_renumber onto itself", __wasi_fd_renumber(b, b));
    error = read_once(b, buffer, 2, &n);
    report_value("fd_renumber onto itself keeps it open", error, "%s", buffer);
    report("fd_renumber closed source", __wasi_fd_renumber(a, b));
    report("fd_renumber closed source leaves the target", __wasi_fd_tell(b, &at));
    report("fd_renumber to a closed number", __wasi_fd_renumber(b, a));
    fd_t left = __wasi_fd_tell(b, &at) == 0 ? b : a;
    report("fd_renumber closed onto itself", __wasi_fd_renumber(left == a ? b : a, left == a ? b : a));
    report("fd_renumber to a number never open", __wasi_fd_renumber(left, 1000000));
    if (__wasi_fd_tell(left, &at) != 0) left = 1000000;
    report("fd_renumber to a negative number", __wasi_fd_renumber(left, -1));
    close_fd(left);

    /* A renumbered directory still resolves paths. */
    fd_t one = open_dir(dir, "."), two = open_dir(dir, ".");
    must(__wasi_fd_renumber(one, two));
    report_value("fd_renumber directory", 0, "%s", content(two, "a"));
    close_fd(two);
}

static void preopens(fd_t dir) {
    __wasi_prestat_t prestat = {.tag = 9};
    error_t error = __wasi_fd_prestat_get(scratch_fd, &prestat);
    report_value("fd_prestat_get preopen", error, "tag %d length %d", prestat.tag,
                 prestat.u.dir.pr_name_len == strlen(scratch_name));
    size_t length = prestat.u.dir.pr_name_len;
    uint8_t name[64];
    memset(name, '#', sizeof name);
    error = __wasi_fd_prestat_dir_name(scratch_fd, name, length);
    report_value("fd_prestat_dir_name exact length", error, "%.*s", (int)length + 1, (char *)name);
    memset(name, '#', sizeof name);
    error = __wasi_fd_prestat_dir_name(scratch_fd, name, length + 5);
    report_value("fd_prestat_dir_name longer buffer", error, "%.*s", (int)length + 1, (char *)name);
    memset(name, '#', sizeof name);
    error = __wasi_fd_prestat_dir_name(scratch_fd, name, length - 1);
    report_value("fd_prestat_dir_name shorter buffer", error, "%.*s", (int)length, (char *)name);
    report("fd_prestat_dir_name no buffer", __wasi_fd_prestat_dir_name(scratch_fd, name, 0));

    fd_t fd = open_file(dir, "f", CREAT);
    report("fd_prestat_get file", __wasi_fd_prestat_get(fd, &prestat));
    report("fd_prestat_dir_name file", __wasi_fd_prestat_dir_name(fd, name, sizeof name));
    close_fd(fd);
    report("fd_prestat_get opened directory", __wasi_fd_prestat_get(dir, &prestat));
    report("fd_prestat_dir_name opened directory", __wasi_fd_prestat_dir_name(dir, name, sizeof name));
    report("fd_prestat_get standard input", __wasi_fd_prestat_get(0, &prestat));
}

int main(int argc, char **argv) {
    scratch_fd = scratch_from(argc, argv);
    if (scratch_fd < 0) return 1;
    scratch_name = argv[1];
    group(scratch_fd, "closing", closing);
    group(scratch_fd, "renumbering", renumbering);
    group(scratch_fd, "preopens", preopens);

    /* Last, since nothing works in the scratch directory afterwards. */
    fd_t spare = open_dir(scratch_fd, ".");
    __wasi_prestat_t prestat;
    report("fd_renumber over a preopen", __wasi_fd_renumber(spare, scratch_fd));
    report("fd_prestat_get renumbered preopen", __wasi_fd_prestat_get(scratch_fd, &prestat));
    report("fd_close renumbered preopen", __wasi_fd_close(scratch_fd));
    report("fd_prestat_get closed preopen", __wasi_fd_prestat_get(scratch_fd, &prestat));
    report("path_create_directory closed preopen", __wasi_path_create_directory(scratch_fd, "d"));
    return 0;
}
