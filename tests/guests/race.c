/* Works on the paths of one directory for some seconds, at random, and looks for what lies outside:
 * files that hold CANARY, and names that say so. A host program replaces what it works on.
 *
 * race DIRECTORY SEED SECONDS: prints how often each kind of call succeeded, and `canary` with what
 * it did when it saw one. */
#include "case.h"
#include <stdlib.h>

#define CANARY "CANARY"

static uint64_t state;

static unsigned below(unsigned limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % limit;
}

static const char *const names[] = {"a", "b", "c"};

/* One to three names, and sometimes `..` between them. */
static void make_path(char *path) {
    *path = 0;
    unsigned depth = 1 + below(3);
    for (unsigned level = 0; level < depth; level++) {
        if (level > 0) strcat(path, "/");
        strcat(path, level > 0 && below(8) == 0 ? ".." : names[below(3)]);
    }
}

static void make_target(char *target) {
    static const char *const above[] = {"", "", "../", "../../", "../outside/", "../../outside/"};
    strcpy(target, above[below(6)]);
    make_path(target + strlen(target));
}

static unsigned canaries;

static void canary(const char *what, const char *path) {
    char line[256];
    snprintf(line, sizeof line, "canary %s %s\n", what, path);
    if (canaries++ < 20) print(line);
}

static bool holds_canary(const char *data, size_t size) {
    for (size_t at = 0; at + strlen(CANARY) <= size; at++)
        if (memcmp(data + at, CANARY, strlen(CANARY)) == 0) return true;
    return false;
}

static error_t create_file(fd_t dir, const char *path) {
    fd_t fd;
    __wasi_oflags_t oflags = CREAT | (below(3) == 0 ? EXCL : 0) | (below(2) == 0 ? TRUNC : 0);
    __wasi_fdflags_t flags = below(3) == 0 ? __WASI_FDFLAGS_APPEND : 0;
    error_t error = __wasi_path_open(dir, below(4) ? FOLLOW : 0, path, oflags, RIGHTS_ALL,
                                     RIGHTS_ALL, flags, &fd);
    if (error != 0) return error;
    __wasi_size_t written;
    error = write_once(fd, "written by a guest", &written);
    if (below(4) == 0) error = __wasi_fd_filestat_set_size(fd, below(4000));
    if (__wasi_fd_close(fd) != 0) canary("close", path);
    return error;
}

static error_t read_file(fd_t dir, const char *path) {
    static char data[4096];
    fd_t fd;
    error_t error = __wasi_path_open(dir, below(4) ? FOLLOW : 0, path, 0, RIGHTS_READ, RIGHTS_ALL,
                                     0, &fd);
    if (error != 0) return error;
    __wasi_size_t got;
    error = read_once(fd, data, sizeof data, &got);
    if (error == 0 && holds_canary(data, got)) canary("read", path);
    if (__wasi_fd_close(fd) != 0) canary("close", path);
    return error;
}

static error_t look(fd_t dir, const char *path) {
    __wasi_filestat_t stat;
    char inside[256];
    snprintf(inside, sizeof inside, "%s/" CANARY, path);
    if (__wasi_path_filestat_get(dir, FOLLOW, inside, &stat) == 0) canary("stat", path);
    return __wasi_path_filestat_get(dir, below(2) ? FOLLOW : 0, path, &stat);
}

static error_t list(fd_t dir, const char *path) {
    static uint8_t buffer[4096];
    char inside[256];
    fd_t fd;
    error_t error = path_open_rights(dir, path, DIRECTORY, RIGHTS_READ, 0, &fd);
    if (error != 0) return error;
    __wasi_size_t used;
    error = __wasi_fd_readdir(fd, buffer, sizeof buffer, 0, &used);
    if (error == 0 && holds_canary((char *)buffer, used)) canary("list", path);
    /* A directory that is held while others replace it. */
    for (int round = 0; round < 3; round++) {
        make_path(inside);
        create_file(fd, inside);
        read_file(fd, inside);
        if (__wasi_path_create_directory(fd, inside) == 0) look(fd, inside);
    }
    if (__wasi_fd_close(fd) != 0) canary("close", path);
    return error;
}

static error_t one(fd_t dir, unsigned kind) {
    char path[128], other[128];
    uint8_t target[128];
    __wasi_size_t used;
    make_path(path);
    switch (kind) {
    case 0: return create_file(dir, path);
    case 1: return read_file(dir, path);
    case 2: return list(dir, path);
    case 3: return look(dir, path);
    case 4: return __wasi_path_create_directory(dir, path);
    case 5: return __wasi_path_remove_directory(dir, path);
    case 6: return __wasi_path_unlink_file(dir, path);
    case 7: make_path(other); return __wasi_path_rename(dir, path, dir, other);
    case 8: make_path(other); return __wasi_path_link(dir, below(2) ? FOLLOW : 0, path, dir, other);
    case 9: make_target(other); return __wasi_path_symlink(other, dir, path);
    case 10: return __wasi_path_readlink(dir, path, target, sizeof target, &used);
    default:
        return __wasi_path_filestat_set_times(dir, below(2) ? FOLLOW : 0, path, 1, 1,
                                              __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM);
    }
}

int main(int argc, char **argv) {
    static const char *const kinds[] = {"create", "read",   "list", "look",    "mkdir",    "rmdir",
                                        "unlink", "rename", "link", "symlink", "readlink", "times"};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    static const unsigned weights[KINDS] = {6, 8, 3, 4, 5, 3, 2, 3, 5, 2, 2, 2};
    unsigned done[KINDS] = {0}, total = 0;
    fd_t dir = scratch_from(argc, argv);
    if (dir < 0 || argc < 4) return 1;
    state = 88172645463325252u + strtoull(argv[2], NULL, 10) * 1000003u;
    __wasi_timestamp_t now, end;
    if (__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &end) != 0) return 1;
    end += strtoull(argv[3], NULL, 10) * 1000000000u;
    for (unsigned kind = 0; kind < KINDS; kind++) total += weights[kind];
    do {
        for (int round = 0; round < 100; round++) {
            unsigned pick = below(total), kind = 0;
            while (pick >= weights[kind]) pick -= weights[kind++];
            done[kind] += one(dir, kind) == 0;
        }
        if (__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &now) != 0) return 1;
    } while (now < end);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        char line[64];
        snprintf(line, sizeof line, "%s %u\n", kinds[kind], done[kind]);
        print(line);
    }
    return canaries > 0;
}
