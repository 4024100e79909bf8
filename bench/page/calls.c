// Times system calls: `calls write|read|clock N [FILE]`. One line on standard error: nanoseconds a call.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasi/api.h>

static __wasi_timestamp_t now(void) {
  __wasi_timestamp_t time;
  if (__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &time)) abort();
  return time;
}

static char data[4096];

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int count = atoi(argv[2]);
  __wasi_size_t moved;
  __wasi_timestamp_t start, end;
  if (!strcmp(argv[1], "write")) {
    __wasi_ciovec_t from = {(const uint8_t *)data, 64};
    memset(data, 'x', 63);
    data[63] = '\n';
    start = now();
    for (int i = 0; i < count; i++)
      if (__wasi_fd_write(1, &from, 1, &moved) || moved != 64) abort();
    end = now();
  } else if (!strcmp(argv[1], "read")) {
    int file = argc > 3 ? open(argv[3], O_RDONLY) : -1;
    if (file < 0) return 3;
    __wasi_iovec_t to = {(uint8_t *)data, sizeof data};
    start = now();
    for (int i = 0; i < count; i++) {
      // The file is 4 MiB long: read it again and again.
      if (i % 1024 == 0) lseek(file, 0, SEEK_SET);
      if (__wasi_fd_read(file, &to, 1, &moved) || moved != sizeof data) abort();
    }
    end = now();
  } else {
    __wasi_timestamp_t time;
    start = now();
    for (int i = 0; i < count; i++)
      if (__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &time)) abort();
    end = now();
  }
  fprintf(stderr, "%llu\n", (unsigned long long)((end - start) / (count ? count : 1)));
  return 0;
}
