/* A program that is linked to libraries when it starts and has threads, without a libc. */
#include <stdint.h>
#define SYS(m, name) __attribute__((import_module(m), import_name(#name)))
SYS("wasi_snapshot_preview1", proc_exit) void proc_exit(int);
SYS("wasix_32v1", dlopen) int dlopen(const char *, uint32_t, uint32_t, char *, uint32_t, const char *, uint32_t, uint32_t *);
SYS("wasix_32v1", dlsym) int dlsym(uint32_t, const char *, uint32_t, char *, uint32_t, void **);
SYS("wasix_32v1", closure_allocate) int closure_allocate(void **);
SYS("wasix_32v1", closure_prepare) int closure_prepare(void *, void *, const uint8_t *, uint32_t, const uint8_t *, uint32_t, void *);
SYS("wasix_32v1", thread_spawn_v2) int thread_spawn(void *, uint32_t *);
SYS("wasix_32v1", thread_join) int thread_join(uint32_t);
SYS("wasix_32v1", reflect_signature) int reflect(void *, uint8_t *, uint16_t, uint8_t *, uint16_t, void *);

int shared_var = 1000;
int base(int x) { return x + 1; }
extern int twice(int), sum(int);

struct start { void *stack, *tls; int (*even)(int), (*closure)(int), (*direct)(int); int result, errno_; int rest[10]; };
static char stacks[2][65536] __attribute__((aligned(16)));

static void backing(int *values, int *results, void *data) { results[0] = values[0] * *(int *)data; }
static int seven = 7;

__attribute__((export_name("wasi_thread_start"))) void wasi_thread_start(int tid, struct start *start) {
  void *another;
  char room[6];
  start->result = start->even(10) + start->closure(6) + start->direct(5) + sum(5);
  /* 58: while there are several threads, nothing is linked. */
  start->errno_ = closure_allocate(&another) * 100 + reflect((void *)start->even, (uint8_t *)room, 1, (uint8_t *)room + 1, 1, room);
}

extern void __wasm_call_ctors(void);

void _start(void) {
  __wasm_call_ctors();
  struct start starts[2];
  uint32_t handle = 0, tids[2];
  char err[100];
  void *even = 0, *closure = 0;
  static const uint8_t types[] = {0};
  if (dlopen("lib_top.so", 10, 2, err, 100, "/workspace/lib:/lib", 19, &handle)) proc_exit(101);
  if (dlsym(handle, "even", 4, err, 100, &even)) proc_exit(102);
  if (closure_allocate(&closure) || closure_prepare(backing, closure, types, 1, types, 1, &seven)) proc_exit(103);
  twice(1);
  for (int i = 0; i < 2; i++) {
    starts[i] = (struct start){stacks[i] + sizeof stacks[i], 0, (int (*)(int))even, (int (*)(int))closure, base};
    if (thread_spawn(&starts[i], &tids[i])) proc_exit(104);
  }
  for (int i = 0; i < 2; i++) thread_join(tids[i]);
  for (int i = 0; i < 2; i++) {
    /* 1 + 42 + 6 + 21 */
    if (starts[i].result != 70) proc_exit(110 + i);
    if (starts[i].errno_ != 5800) proc_exit(120 + i);
  }
  proc_exit(closure_allocate(&closure));
}
