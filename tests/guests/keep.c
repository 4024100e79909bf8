/* Writes numbers to a file, each for good before it is told: `keep FILE COUNT`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

int main(int argc, char **argv) {
    int file = open(argv[1], O_CREAT | O_WRONLY | O_APPEND, 0600);
    if (file < 0) return fail("open");
    int count = argc > 2 ? atoi(argv[2]) : 1;
    for (int n = 0; n < count; n++) {
        char line[16];
        int length = snprintf(line, sizeof line, "%d\n", n);
        if (write(file, line, length) != length) return fail("write");
        if (fsync(file)) return fail("fsync");
        printf("%d\n", n);
        fflush(stdout);
    }
    return 0;
}
