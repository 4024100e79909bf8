/* The working directory: the host's, and wasi-libc's, which makes relative paths absolute. */
#include "shim.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int libc_chdir(const char *path) __asm__("chdir");

int chdir(const char *path) {
    if (libc_chdir(path) != 0) return -1;
    char *now = getcwd(NULL, 0);
    if (!now) return -1;
    int32_t error = wasix_chdir(now, strlen(now));
    free(now);
    return result(error);
}

__attribute__((constructor(102))) static void start(void) {
    char directory[4096];
    uint32_t length = sizeof directory - 1;
    if (wasix_getcwd(directory, &length) != 0 || length >= sizeof directory) return;
    directory[length] = 0;
    if (strcmp(directory, "/") != 0) libc_chdir(directory);
}
