/* Starts a program again and again, as the argument says, and prints the nanoseconds of each time. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static pid_t start(const char *how) {
    char *args[] = {"/bin/nothing", NULL};
    pid_t pid;
    if (strcmp(how, "spawn") == 0) return posix_spawn(&pid, args[0], NULL, NULL, args, environ) ? -1 : pid;
    pid = strcmp(how, "vfork") == 0 ? vfork() : fork();
    if (pid == 0) {
        execv(args[0], args);
        _exit(255);
    }
    return pid;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    for (int count = atoi(argv[2]); count > 0; count--) {
        long long begin = now();
        int status = -1;
        pid_t pid = start(argv[1]);
        if (pid <= 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 3) return 1;
        printf("%lld\n", now() - begin);
    }
    return 0;
}
