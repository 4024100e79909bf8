/* Starts itself many times: one after another, all at once, or by fork; and what leaves others. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pid_t start(const char *self, int number, int by_fork) {
    char text[16];
    snprintf(text, sizeof text, "%d", number % 200);
    if (by_fork) {
        pid_t pid = fork();
        if (pid == 0) {
            execv(self, (char *[]){(char *)self, "child", text, NULL});
            _exit(255);
        }
        return pid;
    }
    pid_t pid = -1;
    char *args[] = {(char *)self, "child", text, NULL};
    return posix_spawn(&pid, self, NULL, NULL, args, environ) == 0 ? pid : -1;
}

static int ended(pid_t pid, int number) {
    int status = -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == number % 200;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int count = atoi(argv[2]), good = 0;
    if (strcmp(argv[1], "child") == 0) return count;
    if (strcmp(argv[1], "bomb") == 0) {
        /* As many as there can be, each of which does the same. */
        puts("begun");
        fflush(stdout);
        for (;;) {
            pid_t pid = -1;
            char *args[] = {"/bin/spawns", "bomb", "0", NULL};
            if (posix_spawn(&pid, args[0], NULL, NULL, args, environ) != 0) usleep(1000);
        }
    }
    if (strcmp(argv[1], "leave") == 0) {
        /* Two that wait for ever: at a pipe, and for the other. */
        int ends[2];
        if (pipe(ends) != 0) return 1;
        if (fork() == 0) {
            char byte;
            if (fork() == 0) read(ends[0], &byte, 1);
            else waitpid(-1, NULL, 0);
            _exit(0);
        }
        puts("left");
        return 0;
    }
    int together = strcmp(argv[1], "together") == 0;
    pid_t *pids = calloc(count, sizeof *pids);
    for (int i = 0; i < count; i++) {
        pids[i] = start("/bin/spawns", i, strcmp(argv[1], "fork") == 0);
        if (pids[i] > 0 && !together) good += ended(pids[i], i);
    }
    for (int i = 0; together && i < count; i++) good += pids[i] > 0 && ended(pids[i], i);
    printf("%d of %d\n", good, count);
    printf("%s\n", waitpid(-1, NULL, 0) == -1 ? "none left" : "some left");
    return 0;
}
