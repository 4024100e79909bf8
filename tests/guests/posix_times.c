/* utimensat, futimens. */
#include "posix.h"
#include <time.h>

static void show(const char *name, int result, int dir, const char *path) {
    struct stat stat = {0};
    must(fstatat(dir, path, &stat, AT_SYMLINK_NOFOLLOW));
    report_value(name, result, "%lld.%09ld %lld.%09ld", (long long)stat.st_atim.tv_sec, (long)stat.st_atim.tv_nsec,
                 (long long)stat.st_mtim.tv_sec, (long)stat.st_mtim.tv_nsec);
}

static void cases(int dir) {
    create(dir, "f", "");
    must(mkdirat(dir, "d", 0755));
    must(symlinkat("f", dir, "link"));
    must(symlinkat("nowhere", dir, "dangling"));
    int fd = must(openat(dir, "f", O_RDWR));
    struct timespec times[2] = {{1000, 123456789}, {2000, 987654321}};
    show("futimens both", futimens(fd, times), dir, "f");
    struct timespec omit[2] = {{0, UTIME_OMIT}, {3000, 0}};
    show("futimens omitting one", futimens(fd, omit), dir, "f");
    struct timespec neither[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    show("futimens omitting both", futimens(fd, neither), dir, "f");
    struct timespec bad[2] = {{0, 2000000000}, {0, 0}};
    report("futimens bad nanoseconds", futimens(fd, bad));
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    struct stat stat;
    int result = futimens(fd, now);
    must(fstat(fd, &stat));
    report_value("futimens now", result, "%d %d", llabs(stat.st_mtim.tv_sec - time(NULL)) < 60,
                 llabs(stat.st_atim.tv_sec - time(NULL)) < 60);
    result = futimens(fd, NULL);
    report("futimens null", result);
    close(fd);
    report("futimens closed", futimens(fd, times));

    show("utimensat file", utimensat(dir, "f", times, 0), dir, "f");
    show("utimensat directory", utimensat(dir, "d", times, 0), dir, "d");
    show("utimensat link itself", utimensat(dir, "link", omit, AT_SYMLINK_NOFOLLOW), dir, "f");
    show("utimensat link", utimensat(dir, "link", omit, 0), dir, "f");
    show("utimensat dangling itself", utimensat(dir, "dangling", times, AT_SYMLINK_NOFOLLOW), dir, "dangling");
    report("utimensat dangling", utimensat(dir, "dangling", times, 0));
    report("utimensat missing", utimensat(dir, "missing", times, 0));
    report("utimensat below a file", utimensat(dir, "f/x", times, 0));
    report("utimensat file with a slash", utimensat(dir, "f/", times, 0));
}

int main(int argc, char **argv) {
    if (argc < 2) return 1;
    group(argv[1], "times", cases);
    return 0;
}
