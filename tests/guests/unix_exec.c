/* exec and posix_spawn: arguments, environment, descriptors, and what is found where. */
#include "unix.h"
#include <spawn.h>

extern char **environ;
static char *self;
static int dir;

/* The guest as the program that is started. */
static int child(int argc, char **argv) {
    const char *what = argv[2];
    if (strcmp(what, "show") == 0) {
        printf("%s %d:", argv[0], argc);
        for (int i = 3; i < argc; i++) printf(" [%s]", argv[i]);
        printf(" X=%s\n", getenv("X") ? getenv("X") : "(none)");
        return 0;
    }
    if (strcmp(what, "open") == 0) {
        for (int i = 3; i < argc; i++) printf("%d ", fcntl(atoi(argv[i]), F_GETFD) != -1);
        printf("\n");
        return 0;
    }
    if (strcmp(what, "copy") == 0) {
        char text[64];
        ssize_t got = read(0, text, sizeof text);
        return got > 0 && write(1, text, got) == got ? 0 : 1;
    }
    if (strcmp(what, "cwd") == 0) {
        char path[256];
        puts(getcwd(path, sizeof path) ? strrchr(path, '/') : "none");
        return 0;
    }
    return atoi(what);
}

/* Runs the guest by fork and exec, and reports what it prints and how it ends. */
static void run(const char *name, char *const args[], char *const envs[]) {
    int from, to;
    make_pipe(&from, &to);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to, 1);
        close(from), close(to);
        execve(self, args, envs);
        _exit(126);
    }
    close(to);
    const char *output = read_all(from);
    int status;
    pid_t ended = waitpid(pid, &status, 0);
    report_value(name, ended, "%s, %s", output, ending(status));
    close(from);
}

static void execs(void) {
    char *const environment[] = {"X=a b=c", NULL}, *const none[] = {NULL};
    run("proc_exec4 arguments", (char *[]){"zero", "child", "show", "two words", "", "new\nline", NULL}, environment);
    run("proc_exec4 no environment", (char *[]){"zero", "child", "show", NULL}, none);
    run("proc_exec4 status", (char *[]){"zero", "child", "42", NULL}, none);
    report("proc_exec4 missing", execve("/missing", (char *[]){"a", NULL}, none));
    report("proc_exec4 below a file", execve("/dev/null/a", (char *[]){"a", NULL}, none));
    report("proc_exec4 nowhere on the path", execvp("missing-program", (char *[]){"a", NULL}));
    int from, to;
    make_pipe(&from, &to);
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(to, 1);
        execl(self, "zero", "child", "show", "after vfork", (char *)NULL);
        _exit(126);
    }
    close(to);
    report_value("proc_exec4 after vfork", pid, "%s", read_all(from));
    report_end("proc_exec4 after vfork ends", pid);
    close(from);
}

static void descriptors(void) {
    create(dir, "f", "");
    int kept = fcntl(must(openat(dir, "f", O_RDONLY)), F_DUPFD, 20);
    int closed = fcntl(kept, F_DUPFD_CLOEXEC, 30);
    char first[8], second[8];
    snprintf(first, sizeof first, "%d", kept);
    snprintf(second, sizeof second, "%d", closed);
    run("fd_fdflags_set closes on exec", (char *[]){"zero", "child", "open", first, second, "0", "99", NULL}, environ);
    must(fcntl(closed, F_SETFD, 0));
    run("fd_fdflags_set stays open", (char *[]){"zero", "child", "open", first, second, NULL}, environ);
    must(fcntl(closed, F_SETFD, FD_CLOEXEC));
    must(dup2(closed, closed + 1));
    snprintf(first, sizeof first, "%d", closed + 1);
    run("fd_dup2 a copy stays open", (char *[]){"zero", "child", "open", first, second, NULL}, environ);
    close(kept), close(closed), close(closed + 1);
}

static void spawn(const char *name, const posix_spawn_file_actions_t *actions, char *const args[]) {
    pid_t pid = 0;
    int status = 0;
    int error = posix_spawn(&pid, self, actions, NULL, args, environ);
    if (error == 0) must(waitpid(pid, &status, 0));
    if (error != 0) report_error(name, error);
    else report_value(name, 0, "%s", ending(status));
}

static void spawns(const char *scratch) {
    char path[256];
    snprintf(path, sizeof path, "%s/out", scratch);
    posix_spawn_file_actions_t actions;
    spawn("proc_spawn3 status", NULL, (char *[]){"zero", "child", "5", NULL});

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    spawn("proc_spawn3 output to a file", &actions, (char *[]){"zero", "child", "show", "new\nline", NULL});
    report_value("proc_spawn3 file has it", 0, "%s", content(dir, "out"));
    posix_spawn_file_actions_destroy(&actions);

    snprintf(path, sizeof path, "%s/in", scratch);
    create(dir, "in", "from a file");
    posix_spawn_file_actions_init(&actions);
    int from, to;
    make_pipe(&from, &to);
    posix_spawn_file_actions_addopen(&actions, 0, path, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, to, 1);
    posix_spawn_file_actions_addclose(&actions, from);
    spawn("proc_spawn3 from a file into a pipe", &actions, (char *[]){"zero", "child", "copy", NULL});
    close(to);
    report_value("proc_spawn3 pipe has it", 0, "%s", read_all(from));
    posix_spawn_file_actions_destroy(&actions);

    /* In order: 40 is 1's copy, then 1 is closed, then 1 is 40's copy. */
    posix_spawn_file_actions_init(&actions);
    make_pipe(&from, &to);
    posix_spawn_file_actions_adddup2(&actions, to, 40);
    posix_spawn_file_actions_addclose(&actions, 1);
    posix_spawn_file_actions_adddup2(&actions, 40, 1);
    spawn("proc_spawn3 in order", &actions, (char *[]){"zero", "child", "open", "1", "40", NULL});
    close(to);
    report_value("proc_spawn3 in order, output", 0, "%s", read_all(from));
    posix_spawn_file_actions_destroy(&actions);
    close(from);

    pid_t pid;
    report_error("proc_spawn3 missing",
                 posix_spawn(&pid, "/missing", NULL, NULL, (char *[]){"a", NULL}, environ));
    report_error("proc_spawn3 nowhere on the path",
                 posix_spawnp(&pid, "missing-program", NULL, NULL, (char *[]){"a", NULL}, environ));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 999, 1);
    report_error("proc_spawn3 copy of what is not open",
                 posix_spawn(&pid, self, &actions, NULL, (char *[]){"a", NULL}, environ));
    posix_spawn_file_actions_destroy(&actions);
}

static void directory(const char *scratch) {
    must(mkdirat(dir, "below", 0755));
    must(chdir(scratch));
    report("chdir relative", chdir("below"));
    run("chdir is the child's, too", (char *[]){"zero", "child", "cwd", NULL}, environ);
    create(AT_FDCWD, "here", "x");
    report_value("chdir relative names", 0, "%s", content(dir, "below/here"));
    report("chdir missing", chdir("missing"));
    report("chdir file", chdir("here"));
    char path[256];
    report_value("getcwd below", getcwd(path, sizeof path) ? 0 : -1, "%s", strrchr(path, '/'));
    report("getcwd too short", getcwd(path, 2) ? 0 : -1);
    must(unlink("here"));
    must(chdir("/"));
    must(unlinkat(dir, "below", AT_REMOVEDIR));
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "child") == 0) return child(argc, argv);
    self = argv[1];
    dir = must(open(argv[2], O_RDONLY | O_DIRECTORY));
    execs();
    descriptors();
    spawns(argv[2]);
    directory(argv[2]);
    unlinkat(dir, "f", 0), unlinkat(dir, "in", 0), unlinkat(dir, "out", 0);
    return 0;
}
