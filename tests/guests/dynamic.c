/* Functions whose type is known only when they are called, and closures. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WASIX(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))

struct reflection { uint8_t cacheable; uint16_t arguments, results; };

WASIX(reflect_signature) int reflect(void *, uint8_t *, uint16_t, uint8_t *, uint16_t, struct reflection *);
WASIX(call_dynamic) int call_dynamic(void *, void *, uint32_t, void *, uint32_t, uint32_t);
WASIX(closure_allocate) int closure_allocate(void **);
WASIX(closure_prepare) int closure_prepare(void *, void *, const uint8_t *, uint32_t, const uint8_t *, uint32_t, void *);
WASIX(closure_free) int closure_free(void *);

enum { I32, I64, F32, F64, V128 };

__attribute__((noinline)) static int64_t mixed(int32_t a, int64_t b, float c, double d) {
  return a + b + (int64_t)(c * 4) + (int64_t)(d * 8);
}
__attribute__((noinline)) static void nothing(void) { puts("nothing"); }
__attribute__((noinline)) static double half(float x) { return x / 2; }

static void show(const char *name, void *function) {
  uint8_t arguments[8], results[8];
  memset(arguments, 9, 8), memset(results, 9, 8);
  struct reflection found = {7, 7, 7};
  int errno_ = reflect(function, arguments, 8, results, 8, &found);
  printf("%s: %d cacheable %d (", name, errno_, found.cacheable);
  if (errno_ == 0) {
    for (int i = 0; i < found.arguments; i++) printf("%d", arguments[i]);
    printf(") -> (");
    for (int i = 0; i < found.results; i++) printf("%d", results[i]);
  }
  puts(")");
}

static void reflection(void) {
  show("mixed", (void *)mixed);
  show("nothing", (void *)nothing);
  show("half", (void *)half);
  show("null", 0);
  show("outside", (void *)1000000);
  struct reflection found = {7, 7, 7};
  uint8_t arguments[4] = {9, 9, 9, 9}, results[4] = {9, 9, 9, 9};
  printf("small: %d", reflect((void *)mixed, arguments, 3, results, 4, &found));
  printf(" %d %d, untouched %d %d\n", found.arguments, found.results, arguments[0], results[0]);
  printf("sizes: %d\n", reflect((void *)mixed, 0, 0, 0, 0, &found));
  printf("fault: %d %d\n", reflect((void *)mixed, arguments, 4, (void *)-4, 4, &found),
         reflect((void *)mixed, arguments, 4, results, 4, (void *)-4));
}

struct __attribute__((packed)) values { int32_t a; int64_t b; float c; double d; };

static void calls(void) {
  struct values values = {1, 20000000000ll, 0.5f, 0.25};
  int64_t result = 0;
  printf("mixed: %d", call_dynamic((void *)mixed, &values, sizeof values, &result, 8, 1));
  printf(" %lld\n", (long long)result);
  printf("nothing: %d\n", call_dynamic((void *)nothing, 0, 0, 0, 0, 1));
  float x = 3;
  double y = 0;
  printf("half: %d", call_dynamic((void *)half, &x, 4, &y, 8, 1));
  printf(" %g\n", y);
  printf("strict: %d %d", call_dynamic((void *)mixed, &values, sizeof values - 1, &result, 8, 1),
         call_dynamic((void *)mixed, &values, sizeof values + 1, &result, 8, 1));
  printf(" %d %d\n", call_dynamic((void *)mixed, &values, sizeof values, &result, 7, 1),
         call_dynamic((void *)mixed, &values, sizeof values, &result, 9, 1));
  result = 5;
  printf("lax: %d", call_dynamic((void *)mixed, &values, 4, &result, 100, 0));
  printf(" %lld\n", (long long)result);
  result = 5;
  printf("cut: %d", call_dynamic((void *)mixed, &values, sizeof values, &result, 4, 0));
  printf(" %lld\n", (long long)result);
  printf("null: %d, outside: %d\n", call_dynamic(0, 0, 0, 0, 0, 0),
         call_dynamic((void *)1000000, 0, 0, 0, 0, 0));
  printf("fault: %d\n", call_dynamic((void *)mixed, (void *)-4, sizeof values, &result, 8, 1));
}

static void backing(unsigned char *values, unsigned char *results, void *data) {
  struct values given;
  memcpy(&given, values, sizeof given);
  printf("%s: %d %lld %g %g\n", (char *)data, given.a, (long long)given.b, given.c, given.d);
  int64_t result = mixed(given.a, given.b, given.c, given.d);
  memcpy(results, &result, sizeof result);
}

static void count(unsigned char *values, unsigned char *results, void *data) {
  int n;
  memcpy(&n, values, 4);
  n = n ? n + ((int (*)(int))data)(n - 1) : 0;
  memcpy(results, &n, 4);
}

static void closures(void) {
  static const uint8_t types[] = {I32, I64, F32, F64};
  void *closure, *other;
  printf("allocate: %d\n", closure_allocate(&closure));
  show("empty", closure);
  printf("prepare: %d\n", closure_prepare((void *)backing, closure, types, 4, types + 1, 1, "data"));
  show("closure", closure);
  printf("call: %lld\n", (long long)((int64_t(*)(int32_t, int64_t, float, double))closure)(1, 2, 3.5f, 4.25));
  struct values values = {5, 6, 7, 8};
  int64_t result = 0;
  printf("dynamic: %d", call_dynamic(closure, &values, sizeof values, &result, 8, 1));
  printf(" %lld\n", (long long)result);
  printf("again: %d\n", closure_prepare((void *)count, closure, types, 1, types, 1, closure));
  printf("recursive: %d\n", ((int (*)(int))closure)(100));
  printf("allocate: %d", closure_allocate(&other));
  printf(" %d\n", other != closure);
  printf("free: %d\n", closure_free(closure));
  show("freed", closure);
  printf("invalid: %d %d\n", closure_prepare((void *)count, (void *)mixed, types, 1, types, 1, 0),
         closure_prepare((void *)count, closure, types, 1, types, 1, 0));
  static const uint8_t unknown[] = {5};
  printf("type: %d\n", closure_prepare((void *)count, other, unknown, 1, types, 1, 0));
  printf("fault: %d %d\n", closure_prepare((void *)count, other, (void *)-1, 4, types, 1, 0),
         closure_allocate((void *)-1));
  printf("free: %d %d\n", closure_free(closure), closure_free((void *)mixed));
}

static void many(void) {
  static const uint8_t types[] = {I32};
  int made = 0, errno_;
  void *closure;
  while (!(errno_ = closure_allocate(&closure))) {
    errno_ = closure_prepare((void *)count, closure, types, 1, types, 1, closure);
    if (errno_) break;
    made++;
  }
  printf("%d closures, then %d; the last counts to %d\n", made, errno_, ((int (*)(int))closure)(10));
  for (int i = 0; i < 2000; i++) {
    if (closure_free(closure) || closure_allocate(&closure) ||
        closure_prepare((void *)count, closure, types, 1, types, 1, closure))
      puts("failed");
  }
  printf("and still to %d\n", ((int (*)(int))closure)(10));
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOFBF, 8192);
  if (argc > 1 && argv[1][0] == 'm') return many(), 0;
  reflection();
  calls();
  if (argc > 1) return 0;
  fflush(stdout);
  closures();
  return 0;
}
