/* What the POSIX guests share: the same source runs on Linux and, through a C library, on WASI.
 *
 * Each is started with the name of a scratch directory as argv[1]. Each case prints
 * `CALL what -> ok [value]` or `CALL what -> ERRNO`. */
#ifndef POSIX_H
#define POSIX_H

#ifndef __wasi__
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *error_name(int error) {
    static const struct {
        int number;
        const char *name;
    } names[] = {
#define NAME(error) {error, #error}
        NAME(EACCES),  NAME(EAGAIN),    NAME(EBADF),     NAME(EBUSY),   NAME(EEXIST),    NAME(EFBIG),
        NAME(EINVAL),  NAME(EIO),       NAME(EISDIR),    NAME(ELOOP),   NAME(EMFILE),    NAME(EMLINK),
        NAME(ENOENT),  NAME(ENOSPC),    NAME(ENOSYS),    NAME(ENOTDIR), NAME(ENOTEMPTY), NAME(ENOTSUP),
        NAME(ENXIO),   NAME(EOVERFLOW), NAME(EPERM),     NAME(EPIPE),   NAME(ERANGE),    NAME(EROFS),
        NAME(ESPIPE),  NAME(EXDEV),     NAME(ENAMETOOLONG), NAME(EILSEQ), NAME(EFAULT),  NAME(ENOTSOCK),
        NAME(ECHILD),  NAME(ESRCH),     NAME(EINTR),     NAME(ENOEXEC), NAME(ENOTTY),    NAME(ETIMEDOUT),
        NAME(ENOTCONN), NAME(EDESTADDRREQ), NAME(ECONNREFUSED), NAME(EADDRINUSE), NAME(EISCONN),
#ifdef ENOTCAPABLE
        NAME(ENOTCAPABLE),
#endif
#undef NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == error) return names[i].name;
    return "unknown";
}

/* `result` is what the call returned: -1 with errno set, or success. */
static void report(const char *name, long long result) {
    printf("%s -> %s\n", name, result == -1 ? error_name(errno) : "ok");
    fflush(stdout);
}

__attribute__((format(printf, 3, 4)))
static void report_value(const char *name, long long result, const char *format, ...) {
    if (result == -1) {
        report(name, result);
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    printf("%s -> ok ", name);
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
    va_end(arguments);
}

/* For the calls that return the error itself. */
static void report_error(const char *name, int error) {
    printf("%s -> %s\n", name, error == 0 ? "ok" : error_name(error));
    fflush(stdout);
}

#define must(result) must_at((result), __LINE__)
static int must_at(long long result, int line) {
    if (result == -1) printf("setup at line %d -> %s\n", line, error_name(errno));
    return (int)result;
}

#define create(dir, path, text) create_at(dir, path, text, __LINE__)
static void create_at(int dir, const char *path, const char *text, int line) {
    int fd = must_at(openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644), line);
    if (fd == -1) return;
    must_at(write(fd, text, strlen(text)), line);
    must_at(close(fd), line);
}

static const char *content(int dir, const char *path) {
    static char text[1024];
    int fd = openat(dir, path, O_RDONLY);
    ssize_t got = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
    if (got == -1) snprintf(text, sizeof text, "(%s)", error_name(errno));
    for (ssize_t i = 0; i < got; i++)
        if (text[i] < ' ' || text[i] > '~') text[i] = '.';
    if (got >= 0) text[got] = 0;
    if (fd != -1) close(fd);
    return text;
}

static const char *mode_name(mode_t mode) {
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "link" : "other";
}

static const char *kind(int dir, const char *path) {
    struct stat stat;
    return fstatat(dir, path, &stat, AT_SYMLINK_NOFOLLOW) == -1 ? error_name(errno) : mode_name(stat.st_mode);
}

static void remove_tree(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd == -1) {
        unlinkat(parent, name, 0);
        return;
    }
    DIR *dir = fdopendir(fd);
    char names[512][64];
    int count = 0;
    for (struct dirent *entry; dir && count < 512 && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            snprintf(names[count++], sizeof *names, "%.63s", entry->d_name);
    for (int i = 0; i < count; i++) remove_tree(fd, names[i]);
    if (dir) closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* Runs a group of cases in a new directory of its own, and removes it afterwards. */
static void group(const char *scratch, const char *name, void (*cases)(int dir)) {
    int parent = must(open(scratch, O_RDONLY | O_DIRECTORY));
    if (parent == -1) return;
    must(mkdirat(parent, name, 0755));
    int dir = must(openat(parent, name, O_RDONLY | O_DIRECTORY));
    cases(dir);
    must(close(dir));
    remove_tree(parent, name);
    must(close(parent));
}

#endif
