/* fd_read, fd_write, fd_pread, fd_pwrite on files and directories. */
#include "raw.h"
#include <stdlib.h>

static __wasi_size_t n;

static error_t pread_once(fd_t fd, char *buffer, size_t size, uint64_t offset) {
    __wasi_iovec_t into = {(uint8_t *)buffer, size};
    n = 0;
    return __wasi_fd_pread(fd, &into, 1, offset, &n);
}

static error_t pwrite_once(fd_t fd, const char *text, uint64_t offset) {
    __wasi_ciovec_t from = {(const uint8_t *)text, strlen(text)};
    n = 0;
    return __wasi_fd_pwrite(fd, &from, 1, offset, &n);
}

static uint64_t tell(fd_t fd) {
    uint64_t offset = UINT64_MAX;
    must(__wasi_fd_tell(fd, &offset));
    return offset;
}

static void writing(fd_t dir) {
    fd_t fd = open_file(dir, "f", CREAT);
    error_t error = write_once(fd, "hello", &n);
    report_value("fd_write simple", error, "%zu %s", n, content(dir, "f"));
    error = write_once(fd, " world", &n);
    report_value("fd_write continues at the offset", error, "%zu %s", n, content(dir, "f"));
    report_value("fd_write moves the offset", error, "%llu", tell(fd));

    n = 99;
    error = __wasi_fd_write(fd, NULL, 0, &n);
    report_value("fd_write zero buffers", error, "%zu", n);
    __wasi_ciovec_t empty[2] = {{(const uint8_t *)"x", 0}, {NULL, 0}};
    n = 99;
    error = __wasi_fd_write(fd, empty, 2, &n);
    report_value("fd_write empty buffers", error, "%zu %s", n, content(dir, "f"));
    close_fd(fd);

    fd = open_file(dir, "gather", CREAT);
    __wasi_ciovec_t three[4] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"", 0},
                                {(const uint8_t *)"c", 1}, {(const uint8_t *)"def", 3}};
    error = __wasi_fd_write(fd, three, 4, &n);
    report_value("fd_write gathers in one call", error, "%zu %s", n, content(dir, "gather"));
    close_fd(fd);

    fd = open_file(dir, "many", CREAT);
    static __wasi_ciovec_t many[3000];
    static const char letters[] = "abcdefghij";
    for (size_t i = 0; i < 3000; i++) many[i] = (__wasi_ciovec_t){(const uint8_t *)&letters[i % 10], 1};
    size_t total = 0;
    while (total < 3000) {
        error = __wasi_fd_write(fd, many + total, 3000 - total, &n);
        if (error != 0 || n == 0) break;
        total += n;
    }
    report_value("fd_write many buffers", error, "%zu %.12s", total, content(dir, "many"));
    close_fd(fd);

    fd = open_with(dir, "append", CREAT, RIGHTS_ALL, __WASI_FDFLAGS_APPEND);
    write_text(fd, "one");
    must(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &(uint64_t){0}));
    error = write_once(fd, "two", &n);
    report_value("fd_write append ignores the offset", error, "%zu %s", n, content(dir, "append"));
    report_value("fd_write append leaves the offset at the end", error, "%llu", tell(fd));
    fd_t other = open_file(dir, "append", 0);
    must(__wasi_fd_seek(other, 0, __WASI_WHENCE_END, &(uint64_t){0}));
    write_text(other, "!");
    error = write_once(fd, "three", &n);
    report_value("fd_write append after another writer", error, "%zu %s", n, content(dir, "append"));
    error = pwrite_once(fd, "X", 1);
    report_value("fd_pwrite append", error, "%zu %s", n, content(dir, "append"));
    close_fd(other);
    close_fd(fd);

    fd = open_file(dir, "hole", CREAT);
    must(__wasi_fd_seek(fd, 3, __WASI_WHENCE_SET, &(uint64_t){0}));
    error = write_once(fd, "x", &n);
    report_value("fd_write past the end leaves zeros", error, "%zu %s", n, content(dir, "hole"));
    close_fd(fd);

    create(dir, "readonly", "keep");
    fd = open_with(dir, "readonly", 0, RIGHTS_READ, 0);
    error = write_once(fd, "lost", &n);
    report_value("fd_write opened for reading only", error, "%zu", n);
    report_value("fd_pwrite opened for reading only", pwrite_once(fd, "lost", 0), "%zu", n);
    report_value("fd_write opened for reading only changes nothing", 0, "%s", content(dir, "readonly"));
    close_fd(fd);
    report("fd_write directory", write_once(dir, "x", &n));
    report("fd_pwrite directory", pwrite_once(dir, "x", 0));
}

static void reading(fd_t dir) {
    char buffer[64] = {0};
    create(dir, "f", "hello world");
    fd_t fd = open_with(dir, "f", 0, RIGHTS_READ, 0);
    error_t error = read_once(fd, buffer, 5, &n);
    report_value("fd_read simple", error, "%zu %.*s", n, (int)n, buffer);
    report_value("fd_read moves the offset", error, "%llu", tell(fd));
    error = read_once(fd, buffer, sizeof buffer, &n);
    report_value("fd_read short at the end", error, "%zu %.*s", n, (int)n, buffer);
    error = read_once(fd, buffer, sizeof buffer, &n);
    report_value("fd_read after eof", error, "%zu", n);

    must(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &(uint64_t){0}));
    n = 99;
    error = __wasi_fd_read(fd, NULL, 0, &n);
    report_value("fd_read zero buffers", error, "%zu", n);
    __wasi_iovec_t empty[2] = {{(uint8_t *)buffer, 0}, {NULL, 0}};
    n = 99;
    error = __wasi_fd_read(fd, empty, 2, &n);
    report_value("fd_read empty buffers", error, "%zu %llu", n, tell(fd));
    char a[3] = {0}, b[4] = {0}, c[16] = {0};
    __wasi_iovec_t scatter[4] = {{(uint8_t *)a, 2}, {(uint8_t *)b, 0}, {(uint8_t *)b, 3}, {(uint8_t *)c, 15}};
    error = __wasi_fd_read(fd, scatter, 4, &n);
    report_value("fd_read scatters in one call", error, "%zu [%s] [%s] [%s]", n, a, b, c);

    must(__wasi_fd_seek(fd, 1000, __WASI_WHENCE_SET, &(uint64_t){0}));
    error = read_once(fd, buffer, sizeof buffer, &n);
    report_value("fd_read past the end", error, "%zu %llu", n, tell(fd));

    must(__wasi_fd_seek(fd, 2, __WASI_WHENCE_SET, &(uint64_t){0}));
    error = pread_once(fd, buffer, 5, 6);
    report_value("fd_pread simple", error, "%zu %.*s", n, (int)n, buffer);
    report_value("fd_pread leaves the offset", error, "%llu", tell(fd));
    report_value("fd_pread short at the end", pread_once(fd, buffer, 64, 9), "%zu %.*s", n, (int)n, buffer);
    report_value("fd_pread at the end", pread_once(fd, buffer, 64, 11), "%zu", n);
    report_value("fd_pread past the end", pread_once(fd, buffer, 64, 1000), "%zu", n);
    report_value("fd_pread largest offset", pread_once(fd, buffer, 1, INT64_MAX), "%zu", n);
    report_value("fd_pread offset above 2^63", pread_once(fd, buffer, 1, UINT64_C(1) << 63), "%zu", n);
    n = 99;
    error = __wasi_fd_pread(fd, NULL, 0, 0, &n);
    report_value("fd_pread zero buffers", error, "%zu", n);
    memset(a, 0, sizeof a), memset(b, 0, sizeof b), memset(c, 0, sizeof c);
    error = __wasi_fd_pread(fd, scatter, 4, 1, &n);
    report_value("fd_pread scatters in one call", error, "%zu [%s] [%s] [%s]", n, a, b, c);
    close_fd(fd);

    fd = open_with(dir, "f", 0, RIGHTS_WRITE, 0);
    report("fd_read opened for writing only", read_once(fd, buffer, 5, &n));
    report("fd_pread opened for writing only", pread_once(fd, buffer, 5, 0));
    close_fd(fd);
    report("fd_read directory", read_once(dir, buffer, 5, &n));
    report("fd_pread directory", pread_once(dir, buffer, 5, 0));
}

static void positioned_writing(fd_t dir) {
    create(dir, "f", "hello world");
    fd_t fd = open_file(dir, "f", 0);
    must(__wasi_fd_seek(fd, 2, __WASI_WHENCE_SET, &(uint64_t){0}));
    error_t error = pwrite_once(fd, "W", 6);
    report_value("fd_pwrite simple", error, "%zu %s", n, content(dir, "f"));
    report_value("fd_pwrite leaves the offset", error, "%llu", tell(fd));
    error = pwrite_once(fd, "!", 13);
    report_value("fd_pwrite past the end leaves zeros", error, "%zu %s", n, content(dir, "f"));
    n = 99;
    error = __wasi_fd_pwrite(fd, NULL, 0, 100, &n);
    report_value("fd_pwrite zero buffers", error, "%zu %s", n, content(dir, "f"));
    report("fd_pwrite offset above 2^63", pwrite_once(fd, "x", UINT64_C(1) << 63));
    __wasi_ciovec_t two[3] = {{(const uint8_t *)"J", 1}, {(const uint8_t *)"", 0}, {(const uint8_t *)"ELL", 3}};
    error = __wasi_fd_pwrite(fd, two, 3, 0, &n);
    report_value("fd_pwrite gathers in one call", error, "%zu %s", n, content(dir, "f"));
    close_fd(fd);
}

static void sharing(fd_t dir) {
    fd_t writer = open_file(dir, "f", CREAT), reader = open_with(dir, "f", 0, RIGHTS_READ, 0);
    char buffer[16] = {0};
    write_text(writer, "abc");
    error_t error = read_once(reader, buffer, sizeof buffer, &n);
    report_value("fd_read sees another descriptor's write", error, "%zu %s", n, buffer);
    write_text(writer, "def");
    memset(buffer, 0, sizeof buffer);
    error = read_once(reader, buffer, sizeof buffer, &n);
    report_value("fd_read goes on after eof when the file grows", error, "%zu %s", n, buffer);

    must(__wasi_path_unlink_file(dir, "f"));
    error = write_once(writer, "ghi", &n);
    report_value("fd_write after unlink", error, "%zu", n);
    memset(buffer, 0, sizeof buffer);
    error = read_once(reader, buffer, sizeof buffer, &n);
    report_value("fd_read after unlink", error, "%zu %s", n, buffer);
    close_fd(writer);
    close_fd(reader);
}

/* A buffer of no bytes is never followed, wherever it points. */
static void nowhere(fd_t dir) {
    create(dir, "f", "hello");
    fd_t fd = open_file(dir, "f", 0);
    pointer_t beyond = 0xfffffff0, out = POINTER(&n);
    uint32_t empty[2] = {beyond, 0};
    report_value("fd_read empty buffer nowhere", (error_t)raw_fd_read(fd, POINTER(empty), 1, out), "%zu", n);
    report_value("fd_pread empty buffer nowhere", (error_t)raw_fd_pread(fd, POINTER(empty), 1, 0, out), "%zu", n);
    report_value("fd_write empty buffer nowhere", (error_t)raw_fd_write(fd, POINTER(empty), 1, out), "%zu", n);
    report_value("fd_read no buffers nowhere", (error_t)raw_fd_read(fd, beyond, 0, out), "%zu", n);
    report_value("fd_write no buffers nowhere", (error_t)raw_fd_write(fd, beyond, 0, out), "%zu", n);
    close_fd(fd);
}

/* More than any staging area between guest and host is likely to hold, into memory that did not
 * exist when the program started. */
static void large(fd_t dir) {
    enum { SIZE = 3 << 20, PARTS = 300 };
    uint8_t *from = malloc(SIZE), *into = calloc(1, SIZE);
    if (from == NULL || into == NULL) return;
    for (size_t i = 0; i < SIZE; i++) from[i] = (uint8_t)(i * 2654435761u >> 24);
    fd_t fd = open_file(dir, "f", CREAT);
    size_t total = 0;
    error_t error = 0;
    while (error == 0 && total < SIZE) {
        __wasi_ciovec_t rest = {from + total, SIZE - total};
        n = 0;
        error = __wasi_fd_write(fd, &rest, 1, &n);
        if (n == 0) break;
        total += n;
    }
    report_value("fd_write three megabytes", error, "%zu", total);
    total = 0;
    while (error == 0 && total < SIZE) {
        __wasi_iovec_t rest = {into + total, SIZE - total};
        n = 0;
        error = __wasi_fd_pread(fd, &rest, 1, total, &n);
        if (n == 0) break;
        total += n;
    }
    report_value("fd_pread three megabytes", error, "%zu %d", total, memcmp(from, into, SIZE) == 0);

    must(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &(uint64_t){0}));
    memset(into, 0, SIZE);
    total = 0;
    while (error == 0 && total < SIZE) {
        __wasi_iovec_t parts[PARTS];
        size_t at = total, step = SIZE / PARTS;
        size_t count = 0;
        for (; count < PARTS && at < SIZE; count++) {
            parts[count] = (__wasi_iovec_t){into + at, at + step < SIZE ? step : SIZE - at};
            at += parts[count].buf_len;
        }
        n = 0;
        error = __wasi_fd_read(fd, parts, count, &n);
        if (n == 0) break;
        total += n;
    }
    report_value("fd_read three megabytes in parts", error, "%zu %d", total, memcmp(from, into, SIZE) == 0);
    close_fd(fd);
    free(from), free(into);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "writing", writing);
    group(scratch, "reading", reading);
    group(scratch, "positioned", positioned_writing);
    group(scratch, "sharing", sharing);
    group(scratch, "nowhere", nowhere);
    group(scratch, "large", large);
    return 0;
}
