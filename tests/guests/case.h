/* What every guest shares: errno names, one printed line a case, and a scratch directory.
 *
 * A guest is started with the name of a preopened scratch directory as argv[1] and works only
 * inside it. Each case prints `FUNCTION what -> errno [value]`; the value only on success. Lines go
 * straight to descriptor 1, so that everything before a trap is seen. */
#ifndef CASE_H
#define CASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

typedef __wasi_errno_t error_t;
typedef __wasi_fd_t fd_t;

#define RIGHTS_ALL ((__wasi_rights_t)((1u << 30) - 1))
#define RIGHTS_READ (RIGHTS_ALL & ~(__WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_ALLOCATE | \
                                    __WASI_RIGHTS_FD_FILESTAT_SET_SIZE))
#define RIGHTS_WRITE (RIGHTS_ALL & ~(__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_READDIR))
#define FOLLOW __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW
#define CREAT __WASI_OFLAGS_CREAT
#define DIRECTORY __WASI_OFLAGS_DIRECTORY
#define EXCL __WASI_OFLAGS_EXCL
#define TRUNC __WASI_OFLAGS_TRUNC

static const char *const errno_names[] = {
    "success", "2big", "acces", "addrinuse", "addrnotavail", "afnosupport", "again", "already",
    "badf", "badmsg", "busy", "canceled", "child", "connaborted", "connrefused", "connreset",
    "deadlk", "destaddrreq", "dom", "dquot", "exist", "fault", "fbig", "hostunreach", "idrm",
    "ilseq", "inprogress", "intr", "inval", "io", "isconn", "isdir", "loop", "mfile", "mlink",
    "msgsize", "multihop", "nametoolong", "netdown", "netreset", "netunreach", "nfile", "nobufs",
    "nodev", "noent", "noexec", "nolck", "nolink", "nomem", "nomsg", "noprotoopt", "nospc",
    "nosys", "notconn", "notdir", "notempty", "notrecoverable", "notsock", "notsup", "notty",
    "nxio", "overflow", "ownerdead", "perm", "pipe", "proto", "protonosupport", "prototype",
    "range", "rofs", "spipe", "srch", "stale", "timedout", "txtbsy", "xdev", "notcapable",
    "shutdown", "memviolation", "unknown", "pending",
};

static const char *errno_name(error_t error) {
    return error < sizeof errno_names / sizeof *errno_names ? errno_names[error] : "unknown";
}

static const char *filetype_name(__wasi_filetype_t type) {
    static const char *const names[] = {"unknown", "block", "character", "directory",
                                        "file",    "dgram", "stream",    "symlink"};
    return type < 8 ? names[type] : "invalid";
}

static void print(const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        __wasi_ciovec_t buffer = {(const uint8_t *)text, length};
        __wasi_size_t written = 0;
        if (__wasi_fd_write(1, &buffer, 1, &written) != 0 || written == 0) return;
        text += written;
        length -= written;
    }
}

static void report(const char *name, error_t error) {
    char line[512];
    snprintf(line, sizeof line, "%s -> %s\n", name, errno_name(error));
    print(line);
}

__attribute__((format(printf, 3, 4)))
static void report_value(const char *name, error_t error, const char *format, ...) {
    if (error != 0) {
        report(name, error);
        return;
    }
    char value[2048], line[2560];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "%s -> success %s\n", name, value);
    print(line);
}

/* A step that a case needs but does not test; it is heard of only when it fails. */
#define must(error) must_at((error), __LINE__)
static bool must_at(error_t error, int line) {
    if (error == 0) return true;
    char text[128];
    snprintf(text, sizeof text, "setup at line %d -> %s\n", line, errno_name(error));
    print(text);
    return false;
}

static error_t path_open_rights(fd_t dir, const char *path, __wasi_oflags_t oflags,
                                __wasi_rights_t rights, __wasi_fdflags_t flags, fd_t *fd) {
    *fd = -1;
    return __wasi_path_open(dir, FOLLOW, path, oflags, rights, RIGHTS_ALL, flags, fd);
}

#define open_file(dir, path, oflags) open_file_at(dir, path, oflags, RIGHTS_ALL, 0, __LINE__)
#define open_with(dir, path, oflags, rights, flags) \
    open_file_at(dir, path, oflags, rights, flags, __LINE__)
static fd_t open_file_at(fd_t dir, const char *path, __wasi_oflags_t oflags, __wasi_rights_t rights,
                         __wasi_fdflags_t flags, int line) {
    fd_t fd;
    must_at(path_open_rights(dir, path, oflags, rights, flags, &fd), line);
    return fd;
}

#define open_dir(dir, path) open_dir_at(dir, path, __LINE__)
static fd_t open_dir_at(fd_t dir, const char *path, int line) {
    fd_t fd;
    must_at(path_open_rights(dir, path, DIRECTORY, RIGHTS_READ, 0, &fd), line);
    return fd;
}

static void close_fd(fd_t fd) {
    if (fd >= 0) must(__wasi_fd_close(fd));
}

#define write_text(fd, text) write_text_at(fd, text, __LINE__)
static void write_text_at(fd_t fd, const char *text, int line) {
    size_t length = strlen(text);
    while (length > 0) {
        __wasi_ciovec_t buffer = {(const uint8_t *)text, length};
        __wasi_size_t written = 0;
        if (!must_at(__wasi_fd_write(fd, &buffer, 1, &written), line) || written == 0) return;
        text += written;
        length -= written;
    }
}

#define create(dir, path, text) create_at(dir, path, text, __LINE__)
static void create_at(fd_t dir, const char *path, const char *text, int line) {
    fd_t fd = open_file_at(dir, path, CREAT | TRUNC, RIGHTS_ALL, 0, line);
    if (fd < 0) return;
    write_text_at(fd, text, line);
    must_at(__wasi_fd_close(fd), line);
}

#define make_dir(dir, path) must_at(__wasi_path_create_directory(dir, path), __LINE__)
#define make_symlink(dir, target, path) must_at(__wasi_path_symlink(target, dir, path), __LINE__)

static error_t read_once(fd_t fd, char *buffer, size_t size, __wasi_size_t *got) {
    __wasi_iovec_t into = {(uint8_t *)buffer, size};
    *got = 0;
    return __wasi_fd_read(fd, &into, 1, got);
}

static error_t write_once(fd_t fd, const char *text, __wasi_size_t *written) {
    __wasi_ciovec_t from = {(const uint8_t *)text, strlen(text)};
    *written = 0;
    return __wasi_fd_write(fd, &from, 1, written);
}

/* What a file holds, with bytes that do not print as dots; or an errno's name in brackets. */
static const char *content(fd_t dir, const char *path) {
    static char text[1024];
    fd_t fd;
    error_t error = path_open_rights(dir, path, 0, RIGHTS_READ, 0, &fd);
    size_t length = 0;
    while (error == 0 && length < sizeof text - 1) {
        __wasi_size_t got = 0;
        error = read_once(fd, text + length, sizeof text - 1 - length, &got);
        if (got == 0) break;
        length += got;
    }
    if (fd >= 0) close_fd(fd);
    if (error != 0) {
        snprintf(text, sizeof text, "(%s)", errno_name(error));
        return text;
    }
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~') text[i] = '.';
    text[length] = 0;
    return text;
}

/* The type of what a path names, symbolic links not followed; or an errno's name. */
static const char *kind(fd_t dir, const char *path) {
    __wasi_filestat_t stat;
    error_t error = __wasi_path_filestat_get(dir, 0, path, &stat);
    return error == 0 ? filetype_name(stat.filetype) : errno_name(error);
}

static fd_t find_preopen(const char *name) {
    for (fd_t fd = 3; fd < 64; fd++) {
        __wasi_prestat_t prestat;
        if (__wasi_fd_prestat_get(fd, &prestat) != 0) break;
        char found[256] = {0};
        if (prestat.tag != __WASI_PREOPENTYPE_DIR || prestat.u.dir.pr_name_len >= sizeof found)
            continue;
        if (__wasi_fd_prestat_dir_name(fd, (uint8_t *)found, prestat.u.dir.pr_name_len) != 0)
            continue;
        if (strcmp(found, name) == 0) return fd;
    }
    return -1;
}

/* Removes everything below a directory. Each round lists the directory anew, and the number of
 * rounds is bounded: a host whose fd_readdir is wrong must not make the guest spin. */
static void remove_tree(fd_t dir, int depth) {
    static uint8_t buffers[4][4096];
    if (depth >= 4) return;
    for (int round = 0; round < 64; round++) {
        uint8_t *buffer = buffers[depth];
        __wasi_size_t used = 0;
        if (__wasi_fd_readdir(dir, buffer, sizeof buffers[0], 0, &used) != 0) return;
        bool removed = false;
        for (size_t at = 0; at + sizeof(__wasi_dirent_t) <= used;) {
            __wasi_dirent_t entry;
            memcpy(&entry, buffer + at, sizeof entry);
            at += sizeof entry;
            if (entry.d_namlen > used - at || entry.d_namlen > 255) break;
            char name[256];
            memcpy(name, buffer + at, entry.d_namlen);
            name[entry.d_namlen] = 0;
            at += entry.d_namlen;
            if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
            if (entry.d_type == __WASI_FILETYPE_DIRECTORY) {
                fd_t below;
                if (path_open_rights(dir, name, DIRECTORY, RIGHTS_READ, 0, &below) != 0) continue;
                remove_tree(below, depth + 1);
                if (__wasi_fd_close(below) != 0) return;
                removed |= __wasi_path_remove_directory(dir, name) == 0;
            } else {
                removed |= __wasi_path_unlink_file(dir, name) == 0;
            }
        }
        if (!removed) return;
    }
}

/* Runs a group of cases in a new directory of its own, and removes it afterwards. */
static void group(fd_t scratch, const char *name, void (*cases)(fd_t dir)) {
    if (!make_dir(scratch, name)) return;
    fd_t dir = open_dir(scratch, name);
    cases(dir);
    remove_tree(dir, 0);
    close_fd(dir);
    must(__wasi_path_remove_directory(scratch, name));
}

static fd_t scratch_from(int argc, char **argv) {
    fd_t fd = argc > 1 ? find_preopen(argv[1]) : -1;
    if (fd < 0) print("setup no scratch preopen -> noent\n");
    return fd;
}

#endif
