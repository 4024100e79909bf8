/* A program that is linked to libraries when it starts, without a libc. */
#include <stdint.h>
#define SYS(m, name) __attribute__((import_module(m), import_name(#name)))
SYS("wasi_snapshot_preview1", fd_write) int fd_write(int, const void *, int, uint32_t *);
SYS("wasix_32v1", dlopen) int dlopen(const char *, uint32_t, uint32_t, char *, uint32_t, const char *, uint32_t, uint32_t *);
SYS("wasix_32v1", dlsym) int dlsym(uint32_t, const char *, uint32_t, char *, uint32_t, void **);
SYS("wasix_32v1", closure_allocate) int closure_allocate(void **);
SYS("wasix_32v1", closure_prepare) int closure_prepare(void *, void *, const uint8_t *, uint32_t, const uint8_t *, uint32_t, void *);

static uint32_t len(const char *s) { uint32_t n = 0; while (s[n]) n++; return n; }
static void say(const char *s) { struct { const char *p; uint32_t n; } v = {s, len(s)}; uint32_t w; fd_write(1, &v, 1, &w); }
static void num(int n) { char b[16]; int i = 15; b[15] = 0; int neg = n < 0; if (neg) n = -n; do { b[--i] = '0' + n % 10; n /= 10; } while (n); if (neg) b[--i] = '-'; say(b + i); say("\n"); }

int shared_var = 1000;
int base(int x) { return x + 1; }
int *relocated = &shared_var;
int (*function)(int) = base;
const char *const names[] = {"zero", "one", "two"};
extern int twice(int);
extern int visible;
extern int sum(int);
int seen;
__attribute__((constructor)) static void init(void) { seen = 5; }
extern void __wasm_call_ctors(void);
static void backing(int *values, int *results, void *data) { results[0] = values[0] * *(int *)data; }
static int seven = 7;

void _start(void) {
  __wasm_call_ctors();
  num(seen);
  say(names[2]); say("\n");
  num(*relocated); num(function(1));
  num(twice(10)); num(visible); num(sum(5));
  uint32_t h = 0; char err[100]; void *f = 0;
  num(dlopen("lib_top.so", 10, 2, err, 100, "/workspace/lib:/lib", 19, &h));
  num(dlsym(h, "even", 4, err, 100, &f)); num(((int (*)(int))f)(10));
  num(dlsym(0, "names", 5, err, 100, &f)); num(f == names);
  void *c; static const uint8_t types[] = {0};
  num(closure_allocate(&c)); num(closure_prepare(backing, c, types, 1, types, 1, &seven)); num(((int (*)(int))c)(6));
}
