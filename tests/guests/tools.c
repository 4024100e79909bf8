/* The tools beside the shell, in one program that looks at the name it is called by. They do what the
 * tests need of their namesakes. */
#ifndef __wasi__
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char *name;

static int complain(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", name, what, strerror(errno));
    return 1;
}

static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written == -1 && errno == EINTR) continue;
        if (written == -1) return -1;
        data += written;
        size -= written;
    }
    return 0;
}

/* Hands each block of the files, or of standard input, to `take`. */
static int each_block(char **files, int (*take)(const char *data, size_t size)) {
    static char block[65536];
    static char *input[] = {"-", NULL};
    int status = 0;
    for (char **file = *files ? files : input; *file; file++) {
        int fd = strcmp(*file, "-") == 0 ? 0 : open(*file, O_RDONLY);
        if (fd == -1) {
            status = complain(*file);
            continue;
        }
        for (ssize_t got; (got = read(fd, block, sizeof block)) != 0;) {
            if (got == -1 && errno == EINTR) continue;
            if (got == -1 || take(block, got) == -1) {
                status = complain(*file);
                break;
            }
        }
        if (fd != 0) close(fd);
    }
    return status;
}

static int put(const char *data, size_t size) {
    return write_all(1, data, size);
}

static int cat(char **args) {
    return each_block(args, put);
}

static int echo(char **args) {
    for (char **arg = args; *arg; arg++) printf("%s%s", arg == args ? "" : " ", *arg);
    puts("");
    return 0;
}

static long lines, words, bytes;

static int count(const char *data, size_t size) {
    static int in_word;
    for (size_t i = 0; i < size; i++) {
        int space = strchr(" \t\n", data[i]) != NULL;
        words += !space && !in_word;
        in_word = !space;
        lines += data[i] == '\n';
    }
    bytes += size;
    return 0;
}

static int wc(char **args) {
    const char *what = *args && **args == '-' ? *args++ : "-lwc";
    int status = each_block(args, count);
    if (strchr(what, 'l')) printf("%ld ", lines);
    if (strchr(what, 'w')) printf("%ld ", words);
    if (strchr(what, 'c')) printf("%ld ", bytes);
    puts("");
    return status;
}

static uint64_t sum = 14695981039346656037u;

static int mix(const char *data, size_t size) {
    for (size_t i = 0; i < size; i++) sum = (sum ^ (unsigned char)data[i]) * 1099511628211u;
    bytes += size;
    return 0;
}

/* A checksum (FNV-1a) and a size; with -s N it sleeps N milliseconds at every MiB. */
static long pause_after;

static int mix_slowly(const char *data, size_t size) {
    if (bytes >> 20 != (bytes + (long)size) >> 20)
        nanosleep(&(struct timespec){.tv_nsec = pause_after * 1000000}, NULL);
    return mix(data, size);
}

static int cksum(char **args) {
    if (*args && strcmp(*args, "-s") == 0 && args[1]) {
        pause_after = atol(args[1]);
        args += 2;
    }
    int status = each_block(args, pause_after ? mix_slowly : mix);
    printf("%016llx %ld\n", (unsigned long long)sum, bytes);
    return status;
}

/* So many bytes that look random, always the same. */
static int data(char **args) {
    static char block[32768];
    uint32_t value = 1;
    for (long left = *args ? atol(*args) : 0; left > 0;) {
        size_t size = left < (long)sizeof block ? (size_t)left : sizeof block;
        for (size_t i = 0; i < size; i++) block[i] = (value = value * 1664525 + 1013904223) >> 24;
        if (write_all(1, block, size) == -1) return complain("write");
        left -= size;
    }
    return 0;
}

static int sleep_for(char **args) {
    double seconds = *args ? atof(*args) : 0;
    struct timespec left = {(time_t)seconds, (seconds - (time_t)seconds) * 1e9};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {}
    return 0;
}

static int grep(char **args) {
    int inverted = *args && strcmp(*args, "-v") == 0, found = 0;
    if (inverted) args++;
    char line[4096];
    while (*args && fgets(line, sizeof line, stdin)) {
        if ((strstr(line, *args) != NULL) == inverted) continue;
        fputs(line, stdout);
        found = 1;
    }
    return !found;
}

static int seq(char **args) {
    long first = args[0] && args[1] ? atol(args[0]) : 1;
    long last = args[0] ? atol(args[1] ? args[1] : args[0]) : 0;
    for (long i = first; i <= last; i++) printf("%ld\n", i);
    return 0;
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int print_sorted(char **texts, size_t length) {
    qsort(texts, length, sizeof *texts, compare);
    for (size_t i = 0; i < length; i++) puts(texts[i]);
    return 0;
}

static int ls(char **args) {
    static char *names[1024];
    size_t length = 0;
    const char *path = *args ? *args : ".";
    DIR *dir = opendir(path);
    if (!dir) return complain(path);
    for (struct dirent *entry; length < 1024 && (entry = readdir(dir));)
        if (entry->d_name[0] != '.') names[length++] = strdup(entry->d_name);
    closedir(dir);
    return print_sorted(names, length);
}

static int sort(char **args) {
    (void)args;
    static char *texts[65536];
    size_t length = 0;
    char line[4096];
    while (length < 65536 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        texts[length++] = strdup(line);
    }
    return print_sorted(texts, length);
}

static int env(char **args) {
    (void)args;
    for (char **one = environ; *one; one++) puts(*one);
    return 0;
}

static int send(char **args) {
    int signal = SIGTERM;
    if (*args && **args == '-') signal = atoi(*args++ + 1);
    for (; *args; args++)
        if (kill(atoi(*args), signal) == -1) return complain(*args);
    return 0;
}

static int head(char **args) {
    long left = args[0] && args[1] && strcmp(args[0], "-n") == 0 ? atol(args[1]) : 10;
    char byte;
    while (left > 0 && read(0, &byte, 1) == 1) {
        if (write_all(1, &byte, 1) == -1) return complain("write");
        left -= byte == '\n';
    }
    return 0;
}

static int copy_fd;

static int put_twice(const char *data, size_t size) {
    return write_all(1, data, size) == -1 ? -1 : write_all(copy_fd, data, size);
}

static int split(char **args) {
    static char *input[] = {NULL};
    copy_fd = *args ? open(*args, O_WRONLY | O_CREAT | O_TRUNC, 0644) : 1;
    if (copy_fd == -1) return complain(*args);
    return each_block(input, put_twice);
}

static int yes(char **args) {
    char line[256];
    int length = snprintf(line, sizeof line, "%s\n", *args ? *args : "y");
    while (write_all(1, line, length) == 0) {}
    return complain("write");
}

static int succeed(char **args) {
    (void)args;
    return 0;
}

static int fail(char **args) {
    (void)args;
    return 1;
}

static const struct {
    const char *name;
    int (*run)(char **args);
} tools[] = {
    {"cat", cat}, {"cksum", cksum}, {"data", data}, {"echo", echo}, {"env", env},   {"false", fail},
    {"grep", grep}, {"head", head}, {"kill", send}, {"ls", ls},     {"seq", seq},   {"sleep", sleep_for},
    {"sort", sort}, {"tee", split}, {"true", succeed}, {"wc", wc},  {"yes", yes},
};

int main(int argc, char **argv) {
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    name = slash ? slash + 1 : argv[0];
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (strcmp(name, tools[i].name) == 0) return tools[i].run(argv + 1);
    fprintf(stderr, "%s: no such tool\n", name);
    return 127;
}
