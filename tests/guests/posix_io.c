/* read, write, lseek, pread, pwrite, readv, writev, ftruncate, fsync, posix_fallocate, fcntl. */
#include "posix.h"
#include <sys/uio.h>

static void reading(int dir) {
    char buffer[64] = {0};
    create(dir, "f", "hello world");
    int fd = must(openat(dir, "f", O_RDONLY));
    ssize_t n = read(fd, buffer, 5);
    report_value("read simple", n, "%zd %.*s", n, (int)n, buffer);
    n = read(fd, buffer, sizeof buffer);
    report_value("read short at the end", n, "%zd %.*s", n, (int)n, buffer);
    n = read(fd, buffer, sizeof buffer);
    report_value("read at the end", n, "%zd", n);
    n = read(fd, buffer, 0);
    report_value("read nothing", n, "%zd", n);
    n = pread(fd, buffer, 5, 6);
    report_value("pread simple", n, "%zd %.*s", n, (int)n, buffer);
    n = pread(fd, buffer, 5, 100);
    report_value("pread past the end", n, "%zd", n);
    report("pread negative offset", pread(fd, buffer, 5, -1));
    must(lseek(fd, 0, SEEK_SET));
    char a[4] = {0}, b[4] = {0};
    struct iovec vectors[3] = {{a, 3}, {NULL, 0}, {b, 3}};
    n = readv(fd, vectors, 3);
    report_value("readv simple", n, "%zd [%s] [%s]", n, a, b);
    report_value("readv no vectors", readv(fd, vectors, 0), "0");
    report("write read-only", write(fd, "x", 1));
    report("pwrite read-only", pwrite(fd, "x", 1, 0));
    report("ftruncate read-only", ftruncate(fd, 1));
    close(fd);
    fd = must(openat(dir, "f", O_WRONLY));
    report("read write-only", read(fd, buffer, 1));
    report("pread write-only", pread(fd, buffer, 1, 0));
    close(fd);
    report("read directory", read(dir, buffer, 1));
    report("pread directory", pread(dir, buffer, 1, 0));
    report("write directory", write(dir, "x", 1));
    report("read closed", read(fd, buffer, 1));
    report("write closed", write(fd, "x", 1));
    report("close closed", close(fd));
    report("read negative", read(-1, buffer, 1));
}

static void writing(int dir) {
    int fd = must(openat(dir, "f", O_RDWR | O_CREAT, 0644));
    struct iovec vectors[3] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
    ssize_t n = writev(fd, vectors, 3);
    report_value("writev simple", n, "%zd %s", n, content(dir, "f"));
    static struct iovec many[1024];
    for (int i = 0; i < 1024; i++) many[i] = (struct iovec){"x", 1};
    n = writev(fd, many, 1024);
    report_value("writev many", n, "%zd", n);
    must(ftruncate(fd, 5));
    n = pwrite(fd, "XY", 2, 1);
    report_value("pwrite simple", n, "%zd %s", n, content(dir, "f"));
    n = pwrite(fd, "!", 1, 8);
    report_value("pwrite past the end", n, "%zd %s", n, content(dir, "f"));
    report_value("lseek after pwrite", lseek(fd, 0, SEEK_CUR), "%lld", (long long)lseek(fd, 0, SEEK_CUR));
    report("pwrite negative offset", pwrite(fd, "x", 1, -1));
    n = write(fd, "x", 0);
    report_value("write nothing", n, "%zd", n);
    close(fd);

    fd = must(openat(dir, "append", O_RDWR | O_CREAT | O_APPEND, 0644));
    must(write(fd, "one", 3));
    must(lseek(fd, 0, SEEK_SET));
    n = write(fd, "two", 3);
    report_value("write append", n, "%zd %s", n, content(dir, "append"));
    report_value("lseek after append", 0, "%lld", (long long)lseek(fd, 0, SEEK_CUR));
    n = pwrite(fd, "X", 1, 0);
    report_value("pwrite append", n, "%zd %s", n, content(dir, "append"));
    int flags = fcntl(fd, F_GETFL);
    report_value("fcntl append", flags, "%d %d", (flags & O_APPEND) != 0, (flags & O_NONBLOCK) != 0);
    report("fcntl clear append", fcntl(fd, F_SETFL, flags & ~O_APPEND));
    must(lseek(fd, 0, SEEK_SET));
    must(write(fd, "1", 1));
    report_value("write append cleared", 0, "%s", content(dir, "append"));
    report("fcntl set nonblock", fcntl(fd, F_SETFL, O_NONBLOCK));
    flags = fcntl(fd, F_GETFL);
    report_value("fcntl nonblock", flags, "%d %d", (flags & O_APPEND) != 0, (flags & O_NONBLOCK) != 0);
    close(fd);
    report("fcntl closed", fcntl(fd, F_GETFL));
}

static void seek(const char *name, int fd, off_t offset, int whence) {
    off_t at = lseek(fd, offset, whence);
    report_value(name, at, "%lld", (long long)at);
}

static void seeking(int dir) {
    create(dir, "f", "0123456789");
    int fd = must(openat(dir, "f", O_RDWR));
    seek("lseek set", fd, 4, SEEK_SET);
    seek("lseek forward", fd, 3, SEEK_CUR);
    seek("lseek back", fd, -2, SEEK_CUR);
    seek("lseek end", fd, -1, SEEK_END);
    seek("lseek past the end", fd, 5, SEEK_END);
    seek("lseek known", fd, 5, SEEK_SET);
    seek("lseek negative", fd, -1, SEEK_SET);
    seek("lseek before the start", fd, -6, SEEK_CUR);
    seek("lseek before the start from the end", fd, -11, SEEK_END);
    seek("lseek lowest", fd, INT64_MIN, SEEK_SET);
    seek("lseek overflow from here", fd, INT64_MAX, SEEK_CUR);
    seek("lseek overflow from the end", fd, INT64_MAX, SEEK_END);
    seek("lseek whence", fd, 0, 99);
    seek("lseek unmoved", fd, 0, SEEK_CUR);
    close(fd);
    seek("lseek closed", fd, 0, SEEK_SET);
    seek("lseek standard output", 1, 0, SEEK_CUR);
}

static void sizes(int dir) {
    struct stat stat;
    create(dir, "f", "0123456789");
    int fd = must(openat(dir, "f", O_RDWR));
    report_value("ftruncate shrink", ftruncate(fd, 4), "%s", content(dir, "f"));
    report_value("ftruncate grow", ftruncate(fd, 7), "%s", content(dir, "f"));
    report("ftruncate negative", ftruncate(fd, -1));
    report_error("posix_fallocate grow", posix_fallocate(fd, 4, 6));
    report_value("posix_fallocate grew", 0, "%s", content(dir, "f"));
    report_error("posix_fallocate within", posix_fallocate(fd, 0, 2));
    report_value("posix_fallocate kept", 0, "%s", content(dir, "f"));
    report_error("posix_fallocate nothing", posix_fallocate(fd, 0, 0));
    report_error("posix_fallocate negative offset", posix_fallocate(fd, -1, 1));
    report_error("posix_fallocate negative length", posix_fallocate(fd, 0, -1));
    report_error("posix_fallocate too far", posix_fallocate(fd, INT64_MAX, INT64_MAX));
    report_error("posix_fadvise simple", posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    report_error("posix_fadvise negative length", posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL));
    report_value("fstat size", fstat(fd, &stat), "%lld links %d", (long long)stat.st_size, (int)stat.st_nlink);
    report("fsync file", fsync(fd));
    report("fdatasync file", fdatasync(fd));
    report("fsync directory", fsync(dir));
    report("fsync standard output", fsync(1));
    report("ftruncate standard output", ftruncate(1, 0));
    report_error("posix_fallocate standard output", posix_fallocate(1, 0, 1));
    report_error("posix_fadvise standard output", posix_fadvise(1, 0, 0, POSIX_FADV_NORMAL));
    char buffer[1];
    report("pread standard input", pread(0, buffer, 1, 0));
    report("pwrite standard output", pwrite(1, "x", 1, 0));
    report("write standard input", write(0, "x", 1));
    report("read standard output", read(1, buffer, 1));
    report_value("isatty standard output", isatty(1) == 1, "%d", isatty(1));
    close(fd);
    report("fsync closed", fsync(fd));
    report("ftruncate closed", ftruncate(fd, 0));
    report("fstat closed", fstat(fd, &stat));

    fd = must(openat(dir, "f", O_RDWR));
    must(unlinkat(dir, "f", 0));
    report_value("fstat unlinked", fstat(fd, &stat), "%lld links %d", (long long)stat.st_size, (int)stat.st_nlink);
    report_value("write unlinked", write(fd, "x", 1), "1");
    close(fd);
}

int main(int argc, char **argv) {
    if (argc < 2) return 1;
    group(argv[1], "reading", reading);
    group(argv[1], "writing", writing);
    group(argv[1], "seeking", seeking);
    group(argv[1], "sizes", sizes);
    return 0;
}
