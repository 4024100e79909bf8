// Times one kind of system call: `calls KIND COUNT [DIRECTORY [DESCRIPTORS]]`.
//
// On standard error: nanoseconds taken, and the number of calls they were for. Files are made in
// DIRECTORY, and DESCRIPTORS files are held open meanwhile. A call that a system refuses is named
// with its error, and the status is 3.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

enum { BLOCK = 4096, BLOCKS = 256, SMALL = 64, ENTRIES = 256, RECORD = 24 };

static const char *kind;
static char data[BLOCK];
static char path[256];
static int fd = -1;
static __wasi_size_t moved;

static void check(int error) {
  if (!error) return;
  fprintf(stderr, "%s: %s\n", kind, strerror(error));
  exit(3);
}

static void checked(int result) {
  check(result < 0 ? errno : 0);
}

static __wasi_timestamp_t now(void) {
  __wasi_timestamp_t time;
  check(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &time));
  return time;
}

// Each makes one call (or the few that belong together) and says for how many it counts.

static int yields(int i) {
  check(__wasi_sched_yield());
  return 1;
}

// Another clock than the one that measures, which must go on when this call is cut short.
static int clocks(int i) {
  __wasi_timestamp_t time;
  check(__wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 1, &time));
  return 1;
}

static int randoms(int i) {
  check(__wasi_random_get((uint8_t *)data, 32));
  return 1;
}

static int polls(int i) {
  __wasi_subscription_t in = {.userdata = 1};
  __wasi_event_t out;
  in.u.tag = __WASI_EVENTTYPE_CLOCK;
  in.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
  check(__wasi_poll_oneoff(&in, &out, 1, &moved));
  return 1;
}

static int writes(int i) {
  __wasi_ciovec_t from = {(const uint8_t *)data, SMALL};
  if (fd != 1 && i % (BLOCKS * BLOCK / SMALL) == 0) checked(lseek(fd, 0, SEEK_SET) < 0 ? -1 : 0);
  check(__wasi_fd_write(fd, &from, 1, &moved));
  return 1;
}

static int reads(int i) {
  __wasi_iovec_t to = {(uint8_t *)data, BLOCK};
  if (i % BLOCKS == 0) checked(lseek(fd, 0, SEEK_SET) < 0 ? -1 : 0);
  check(__wasi_fd_read(fd, &to, 1, &moved));
  return 1;
}

static int preads(int i) {
  __wasi_iovec_t to = {(uint8_t *)data, BLOCK};
  check(__wasi_fd_pread(fd, &to, 1, (uint64_t)(i % BLOCKS) * BLOCK, &moved));
  return 1;
}

static int stats(int i) {
  struct stat st;
  checked(stat(path, &st));
  return 1;
}

static int opens(int i) {
  struct stat st;
  int file = open(path, O_RDONLY);
  checked(file);
  checked(fstat(file, &st));
  checked(close(file));
  return 1;
}

static int creates(int i) {
  int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0666);
  checked(file);
  checked((int)write(file, data, SMALL));
  checked(close(file));
  checked(unlink(path));
  return 1;
}

static int lists(int i) {
  static uint64_t cookie;
  // As wasi-libc's readdir does it: a buffer at a time, from the last whole entry on.
  check(__wasi_fd_readdir(fd, (uint8_t *)data, BLOCK, cookie, &moved));
  int entries = 0;
  for (__wasi_size_t at = 0; at + RECORD <= moved; entries++) {
    __wasi_dirent_t entry;
    memcpy(&entry, data + at, RECORD);
    at += RECORD + entry.d_namlen;
    if (at > moved) break;
    cookie = entry.d_next;
  }
  if (moved < BLOCK) cookie = 0;
  return entries;
}

static const char *named(const char *directory, const char *name) {
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static void make_file(const char *directory) {
  named(directory, "bench.bin");
  fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0666);
  checked(fd);
  for (int i = 0; i < BLOCKS; i++) checked((int)write(fd, data, BLOCK));
}

static void make_directory(const char *directory) {
  char name[32], folder[128];
  snprintf(folder, sizeof folder, "%s", named(directory, "bench.d"));
  if (mkdir(folder, 0777)) check(errno == EEXIST ? 0 : errno);
  for (int i = 0; i < ENTRIES; i++) {
    snprintf(name, sizeof name, "entry-%04d", i);
    int file = open(named(folder, name), O_CREAT | O_WRONLY, 0666);
    checked(file);
    checked(close(file));
  }
  fd = open(folder, O_RDONLY | O_DIRECTORY);
  checked(fd);
}

static const struct {
  const char *name;
  int (*call)(int);
  enum { NOTHING, FILE_OPEN, FILE_CLOSED, NO_FILE, DIRECTORY_OPEN, OUTPUT } needs;
} KINDS[] = {
    {"yield", yields, NOTHING},      {"clock", clocks, NOTHING},
    {"random", randoms, NOTHING},    {"poll", polls, NOTHING},
    {"output", writes, OUTPUT},      {"write", writes, FILE_OPEN},
    {"read", reads, FILE_OPEN},      {"pread", preads, FILE_OPEN},
    {"stat", stats, FILE_CLOSED},    {"open", opens, FILE_CLOSED},
    {"create", creates, NO_FILE},    {"readdir", lists, DIRECTORY_OPEN},
};

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  kind = argv[1];
  int count = atoi(argv[2]), chosen = -1;
  const char *directory = argc > 3 ? argv[3] : "/";
  for (int i = 0; i < (int)(sizeof KINDS / sizeof *KINDS); i++)
    if (!strcmp(kind, KINDS[i].name)) chosen = i;
  if (chosen < 0) return 2;
  memset(data, 'x', sizeof data);
  data[SMALL - 1] = '\n';

  switch (KINDS[chosen].needs) {
    case NOTHING: break;
    case OUTPUT: fd = 1; break;
    case FILE_OPEN: make_file(directory); break;
    case FILE_CLOSED: make_file(directory); checked(close(fd)); break;
    case NO_FILE: named(directory, "new.bin"); break;
    case DIRECTORY_OPEN: make_directory(directory); break;
  }
  for (int i = argc > 4 ? atoi(argv[4]) : 0; i > 0; i--) checked(open(path, O_RDONLY));

  int (*call)(int) = KINDS[chosen].call;
  for (int i = 0; i < count / 8; i++) call(i);
  long long calls = 0;
  __wasi_timestamp_t start = now();
  for (int i = 0; calls < count; i++) {
    int done = call(i);
    if (!done) check(EIO);
    calls += done;
  }
  __wasi_timestamp_t end = now();
  fprintf(stderr, "%llu %lld\n", (unsigned long long)(end - start), calls);
  return 0;
}
