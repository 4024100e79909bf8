/* Opens libraries by the names it is given, and looks into them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WASIX(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))

WASIX(dlopen) int raw_dlopen(const char *, uint32_t, uint32_t, char *, uint32_t, const char *, uint32_t, uint32_t *);
WASIX(dlsym) int raw_dlsym(uint32_t, const char *, uint32_t, char *, uint32_t, void **);
WASIX(dl_invalid_handle) int invalid(uint32_t);

enum { LAZY = 1, NOW = 2, GLOBAL = 4, NOLOAD = 8, DEEPBIND = 32 };

__attribute__((visibility("default"), used)) int shared_var = 1000;
__attribute__((visibility("default"), used)) int base(int x) { return x + 1; }
__attribute__((visibility("default"), used)) int (*callback)(int) = base;

static char error[256];
static const char *path = "";

static uint32_t open_(const char *name, uint32_t flags) {
  uint32_t handle = 0;
  error[0] = 0;
  int result = raw_dlopen(name, name ? strlen(name) : 0, flags, error, sizeof error, path, strlen(path), &handle);
  if (result) printf("dlopen %s: %d %s\n", name, result, error);
  return handle;
}

static void *symbol(uint32_t handle, const char *name) {
  void *found = 0;
  error[0] = 0;
  int result = raw_dlsym(handle, name, strlen(name), error, sizeof error, &found);
  if (result) printf("dlsym %s: %d %s\n", name, result, error);
  return found;
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOFBF, 8192);
  if (argc > 2) path = argv[2];
  uint32_t side = open_(argc > 1 ? argv[1] : "/lib/lib_side.so", NOW);
  if (!side) return 1;
  int (*twice)(int) = (int (*)(int))symbol(side, "twice");
  printf("twice: %d %d\n", twice(10), twice(10));
  int *visible = symbol(side, "visible");
  printf("visible: %d\n", *visible);
  int **(*pointers)(void) = (int **(*)(void))symbol(side, "vp");
  printf("pointer to data: %d\n", *(int **)pointers == visible);
  int (*(*function)(void))(int) = (int (*(*)(void))(int))symbol(side, "fp");
  printf("pointer to code: %d\n", function() == twice);
  printf("again: %d, the program: %u\n", open_(argc > 1 ? argv[1] : "/lib/lib_side.so", NOW) == side, open_(0, NOW));
  symbol(side, "missing");
  symbol(77, "twice");
  open_("/lib/none.so", NOW);
  open_("nowhere.so", NOW);
  open_("/lib/text.so", NOW);
  printf("valid: %d %d %d %d\n", invalid(1), invalid(side), invalid(77), invalid(0));
  int *mine = symbol(1, "shared_var");
  printf("own data: %d\n", mine == &shared_var);
  int (*own)(int) = (int (*)(int))symbol(0, "base");
  printf("own code: %d\n", own(1));
  uint32_t top = open_("/lib/lib_top.so", NOW);
  if (top) {
    int (*sum)(int) = (int (*)(int))symbol(top, "sum");
    printf("sum: %d\n", sum(5));
    int (*even)(int) = (int (*)(int))symbol(top, "even");
    printf("even: %d %d\n", even(10), even(7));
    int (*uses)(void) = (int (*)(void))symbol(top, "uses_missing");
    printf("not defined: %p\n", symbol(0, "not_there"));
    fflush(stdout);
    if (argc > 3) uses();
  }
  return 0;
}
