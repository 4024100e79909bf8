/* fd_readdir. */
#include "case.h"
#include <stdlib.h>

typedef struct {
    __wasi_dirent_t entry;
    char name[256];
} found_t;

static found_t found[600];
static size_t count;

static int by_name(const void *a, const void *b) {
    return strcmp(((const found_t *)a)->name, ((const found_t *)b)->name);
}

/* Takes whole entries from a buffer; returns the cookie after the last, or `cookie` if none fits. */
static uint64_t take(const uint8_t *buffer, size_t used, uint64_t cookie) {
    for (size_t at = 0; at + sizeof(__wasi_dirent_t) <= used && count < 600;) {
        found_t *next = &found[count];
        memcpy(&next->entry, buffer + at, sizeof next->entry);
        at += sizeof next->entry;
        if (next->entry.d_namlen > used - at || next->entry.d_namlen > 255) break;
        memcpy(next->name, buffer + at, next->entry.d_namlen);
        next->name[next->entry.d_namlen] = 0;
        at += next->entry.d_namlen;
        cookie = next->entry.d_next;
        count++;
    }
    return cookie;
}

static error_t list_from(fd_t dir, size_t size, uint64_t cookie) {
    static uint8_t buffer[65536];
    for (int round = 0; round < 2000; round++) {
        __wasi_size_t used = 0;
        error_t error = __wasi_fd_readdir(dir, buffer, size, cookie, &used);
        if (error != 0) return error;
        if (used > size) return __WASI_ERRNO_OVERFLOW;
        uint64_t next = take(buffer, used, cookie);
        if (used < size) return 0;
        if (next == cookie) return __WASI_ERRNO_NOBUFS;
        cookie = next;
    }
    return __WASI_ERRNO_LOOP;
}

static error_t list(fd_t dir, size_t size) {
    count = 0;
    return list_from(dir, size, 0);
}

static const char *names(void) {
    static char text[1024];
    qsort(found, count, sizeof *found, by_name);
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; i < count && length < sizeof text - 1; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s:%s", i ? " " : "", found[i].name,
                                   filetype_name(found[i].entry.d_type));
    return text;
}

static void listing(fd_t dir) {
    error_t error = list(dir, 4096);
    report_value("fd_readdir empty directory", error, "%s", names());
    create(dir, "file", "x");
    make_dir(dir, "dir");
    make_symlink(dir, "file", "link");
    make_symlink(dir, "nowhere", "dangling");
    error = list(dir, 4096);
    report_value("fd_readdir types", error, "%s", names());
    bool inodes = true, cookies = true;
    for (size_t i = 0; i < count; i++) {
        __wasi_filestat_t stat = {0};
        if (strcmp(found[i].name, "..") == 0) continue;
        must(__wasi_path_filestat_get(dir, 0, found[i].name, &stat));
        inodes = inodes && stat.ino == found[i].entry.d_ino;
        for (size_t j = 0; j < i; j++) cookies = cookies && found[i].entry.d_next != found[j].entry.d_next;
    }
    report_value("fd_readdir inode numbers are those of filestat", error, "%d", inodes);
    report_value("fd_readdir cookies differ", error, "%d", cookies);
    fd_t sub = open_dir(dir, "dir");
    error = list(sub, 4096);
    report_value("fd_readdir subdirectory", error, "%s", names());
    close_fd(sub);
    /* fd_readdir does not move: a listing from the start is whole again. */
    error = list(dir, 4096);
    report_value("fd_readdir again", error, "%s", names());
    bool zero = false;
    for (size_t i = 0; i < count; i++) zero = zero || found[i].entry.d_next == __WASI_DIRCOOKIE_START;
    report_value("fd_readdir no entry leads back to the start", error, "%d", !zero);
}

static void buffers(fd_t dir) {
    create(dir, "a", "");
    create(dir, "bb", "");
    create(dir, "a-name-of-forty-characters-to-be-cut-off-x", "");
    uint8_t buffer[256];
    __wasi_size_t used = 99;
    error_t error = __wasi_fd_readdir(dir, buffer, 0, 0, &used);
    report_value("fd_readdir no buffer", error, "%zu", used);
    memset(buffer, 0xee, sizeof buffer);
    error = __wasi_fd_readdir(dir, buffer, 10, 0, &used);
    report_value("fd_readdir shorter than a header", error, "%zu %d", used, buffer[10] == 0xee);
    error = __wasi_fd_readdir(dir, buffer, sizeof(__wasi_dirent_t), 0, &used);
    report_value("fd_readdir a header without its name", error, "%zu", used);
    memset(buffer, 0xee, sizeof buffer);
    error = __wasi_fd_readdir(dir, buffer, 40, 0, &used);
    report_value("fd_readdir second entry cut off", error, "%zu %d", used, buffer[40] == 0xee);
    error = list(dir, 100);
    report_value("fd_readdir small buffer", error, "%s", names());
    error = list(dir, 66);
    report_value("fd_readdir buffer of the longest entry", error, "%s", names());
    error = list(dir, 67);
    report_value("fd_readdir buffer of one byte more", error, "%s", names());

    /* Every entry's cookie leads to the rest of the same listing. */
    must(list(dir, 4096));
    static found_t whole[16];
    size_t total = count;
    bool suffixes = total < 16;
    memcpy(whole, found, total * sizeof *whole);
    for (size_t i = 0; i < total && suffixes; i++) {
        count = 0;
        must(list_from(dir, 4096, whole[i].entry.d_next));
        suffixes = count == total - i - 1;
        for (size_t j = 0; suffixes && j < count; j++)
            suffixes = strcmp(found[j].name, whole[i + 1 + j].name) == 0;
    }
    report_value("fd_readdir from each cookie", 0, "%d", suffixes);
    used = 99;
    error = __wasi_fd_readdir(dir, buffer, sizeof buffer, whole[total - 1].entry.d_next, &used);
    report_value("fd_readdir after the last entry", error, "%zu", used);
}

static void many(fd_t dir) {
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "entry-%03d", i);
        create(dir, name, "");
    }
    for (size_t size = 64; size <= 32768; size *= 8) {
        error_t error = list(dir, size);
        names();
        bool once = true;
        for (size_t i = 1; i < count; i++) once = once && strcmp(found[i - 1].name, found[i].name) != 0;
        char name[64];
        snprintf(name, sizeof name, "fd_readdir many entries, buffer of %zu", size);
        report_value(name, error, "%zu %d", count, once);
    }
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "entry-%03d", i);
        must(__wasi_path_unlink_file(dir, name));
    }
    error_t error = list(dir, 4096);
    report_value("fd_readdir after removing all", error, "%s", names());
}

/* POSIX readdir: an entry neither added nor removed since the start is returned exactly once. */
static void changing(fd_t dir) {
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "entry-%03d", i);
        create(dir, name, "");
    }
    uint8_t buffer[512];
    __wasi_size_t used = 0;
    count = 0;
    must(__wasi_fd_readdir(dir, buffer, sizeof buffer, 0, &used));
    uint64_t cookie = take(buffer, used, 0);
    size_t removed = 0;
    bool kept[40];
    memset(kept, true, sizeof kept);
    for (size_t i = 0; i < count; i++) {
        if (found[i].name[0] == '.') continue;
        removed++;
        must(__wasi_path_unlink_file(dir, found[i].name));
        kept[atoi(found[i].name + 6)] = false;
    }
    count = 0;
    error_t error = list_from(dir, sizeof buffer, cookie);
    int times[40] = {0};
    for (size_t i = 0; i < count; i++)
        if (strncmp(found[i].name, "entry-", 6) == 0) times[atoi(found[i].name + 6)]++;
    bool once = true, gone = true;
    for (int i = 0; i < 40; i++) {
        once = once && (!kept[i] || times[i] == 1);
        gone = gone && (kept[i] || times[i] == 0);
    }
    report_value("fd_readdir going on after removals, kept entries once", error, "%d", once);
    report_value("fd_readdir going on after removals, removed entries gone", error, "%d", gone);
    error = list(dir, 4096);
    report_value("fd_readdir from the start after removals", error, "%d", removed > 0 && count == 2 + 40 - removed);

    fd_t other = open_dir(dir, ".");
    create(dir, "late", "");
    error = list(other, 4096);
    names();
    bool late = false;
    for (size_t i = 0; i < count; i++) late = late || strcmp(found[i].name, "late") == 0;
    report_value("fd_readdir sees an entry made since opening", error, "%d", late);
    close_fd(other);
}

static void odd(fd_t dir) {
    uint8_t buffer[256];
    __wasi_size_t used = 0;
    fd_t fd = open_file(dir, "f", CREAT);
    report("fd_readdir file", __wasi_fd_readdir(fd, buffer, sizeof buffer, 0, &used));
    close_fd(fd);
    report("fd_readdir standard input", __wasi_fd_readdir(0, buffer, sizeof buffer, 0, &used));
    used = 99;
    error_t error = __wasi_fd_readdir(dir, buffer, sizeof buffer, 1000, &used);
    report_value("fd_readdir cookie past the end", error, "%zu", used);
    used = 99;
    error = __wasi_fd_readdir(dir, buffer, sizeof buffer, UINT64_MAX, &used);
    report_value("fd_readdir largest cookie", error, "%zu", used);

    make_dir(dir, "doomed");
    fd = open_dir(dir, "doomed");
    must(__wasi_path_remove_directory(dir, "doomed"));
    error = list(fd, 4096);
    report("fd_readdir removed directory", error);
    report("path_open in a removed directory", path_open_rights(fd, "x", CREAT, RIGHTS_ALL, 0, &(fd_t){0}));
    close_fd(fd);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_from(argc, argv);
    if (scratch < 0) return 1;
    group(scratch, "listing", listing);
    group(scratch, "buffers", buffers);
    group(scratch, "many", many);
    group(scratch, "changing", changing);
    group(scratch, "odd", odd);
    return 0;
}
