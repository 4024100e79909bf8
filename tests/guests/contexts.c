/* Contexts that take turns. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WASIX(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))

WASIX(context_create) int create(uint64_t *, void (*)(void));
WASIX(context_switch) int switch_to(uint64_t);
WASIX(context_destroy) int destroy(uint64_t);
WASIX(proc_fork) int fork_(uint32_t, uint32_t *);

static uint64_t a, b, c;

__attribute__((noinline)) static int deep(int n, uint64_t to) {
  volatile char kept[64];
  memset((char *)kept, n, sizeof kept);
  if (n == 0) return switch_to(to) ? -1000 : 0;
  int sum = deep(n - 1, to);
  for (int i = 0; i < 64; i++) if (kept[i] != n) return -1000000;
  return sum + n;
}

static void first(void) {
  for (int turn = 0;; turn++) {
    printf("first %d: %d\n", turn, deep(20 + turn, b));
    if (turn % 2) switch_to(0);
  }
}

static void second(void) {
  printf("active: %d %d\n", switch_to(b), destroy(b));
  for (int turn = 0;; turn++) printf("second %d: %d\n", turn, deep(30 + turn, a));
}

static void returns(void) { puts("returns"); }
static void traps(void) { __builtin_trap(); }
static void leaves(void) { exit(7); }
static void forks(void) {
  uint32_t pid;
  printf("fork: %d\n", fork_(1, &pid));
  switch_to(0);
}
static int other(int x) { return x; }
static int count;
static void counts(void) {
  for (;;) {
    count++;
    switch_to(0);
  }
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOFBF, 8192);
  if (argc > 1 && strcmp(argv[1], "turns")) {
    void (*const entry)(void) = argv[1][0] == 'r' ? returns : argv[1][0] == 't' ? traps : leaves;
    create(&a, entry);
    fflush(stdout);
    switch_to(a);
    puts("came back");
    return 1;
  }
  printf("create: %d %d", create(&a, first), create(&b, second));
  printf(" %d %d\n", (int)a, (int)b);
  printf("switch: %d\n", switch_to(a));
  puts("main");
  printf("switch: %d\n", switch_to(a));
  puts("main again");
  printf("invalid: %d %d %d %d\n", create(&c, (void (*)(void))other), create(&c, 0),
         create(&c, (void (*)(void))100000), switch_to(99));
  printf("fault: %d\n", create((uint64_t *)-4, first));
  printf("main: %d %d\n", switch_to(0), destroy(0));
  printf("destroy: %d %d %d\n", destroy(a), destroy(a), switch_to(a));
  if (argc > 1) return 0;
  create(&c, forks);
  switch_to(c);
  int made = 0;
  uint64_t last = 0;
  destroy(b), destroy(c);
  while (!create(&c, counts)) made++, last = c;
  printf("%d contexts\n", made);
  for (int i = 0; i < 100; i++) switch_to(last - i);
  for (int i = 0; i < 10; i++) switch_to(last);
  printf("counted %d\n", count);
  return 0;
}
