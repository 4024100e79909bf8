// Computes: `compute KIND COUNT` prints the nanoseconds it took on standard error.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint32_t sieve(void) {
  static uint8_t composite[1 << 18];
  uint32_t found = 0;
  memset(composite, 0, sizeof composite);
  for (uint32_t i = 2; i < sizeof composite; i++) {
    if (composite[i]) continue;
    found++;
    for (uint32_t j = 2 * i; j < sizeof composite; j += i) composite[j] = 1;
  }
  return found;
}

static uint32_t mix(void) {
  uint32_t state = 1;
  for (uint32_t i = 0; i < 1 << 20; i++) state = (state ^ (state >> 13)) * 0x9E3779B1u + i;
  return state;
}

static uint32_t product(void) {
  enum { SIZE = 96 };
  static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) a[i][j] = i + j, b[i][j] = i - j;
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      double sum = 0;
      for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
  return (uint32_t)c[3][5];
}

static uint32_t run(const char *kind) {
  if (!strcmp(kind, "calls")) return fib(27);
  if (!strcmp(kind, "sieve")) return sieve();
  if (!strcmp(kind, "mix")) return mix();
  return product();
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  volatile uint32_t sum = run(argv[1]);
  int64_t begin = now();
  for (int i = 0, count = atoi(argv[2]); i < count; i++) sum += run(argv[1]);
  fprintf(stderr, "%lld\n", (long long)(now() - begin));
  return 0;
}
