/* fork and vfork: what a child has of its own, and what it shares. */
#include "unix.h"

static int global = 1;

static void memory(void) {
    int local = 10, from, to, *heap = malloc(sizeof *heap);
    *heap = 100;
    make_pipe(&from, &to);
    pid_t child = fork();
    if (child == 0) {
        close(from);
        global++, local++, ++*heap;
        dprintf(to, "%d %d %d\n", global, local, *heap);
        _exit(7);
    }
    close(to);
    report_value("proc_fork child has its own memory", child, "%s", read_all(from));
    report_end("proc_fork child ends", child);
    report_value("proc_fork parent's is unchanged", 0, "%d %d %d", global, local, *heap);
    report("proc_join child is gone", waitpid(child, NULL, 0));
    close(from);
}

static int deep(int levels, int to) {
    if (levels > 0) return deep(levels - 1, to) + 1;
    pid_t child = fork();
    if (child == 0) dprintf(to, "child ");
    return 0;
}

static void stacks(void) {
    int from, to;
    make_pipe(&from, &to);
    pid_t before = getpid();
    int depth = deep(50, to);
    if (getpid() != before) {
        dprintf(to, "%d", depth);
        _exit(depth);
    }
    int status;
    must(wait(&status));
    close(to);
    report_value("proc_fork in the depth of the stack", 0, "%d, %s: %s", depth, ending(status), read_all(from));
    close(from);
}

static void files(const char *scratch) {
    int dir = must(open(scratch, O_RDONLY | O_DIRECTORY));
    create(dir, "shared", "0123456789");
    int fd = must(openat(dir, "shared", O_RDONLY));
    pid_t child = fork();
    char text[5] = {0};
    if (child == 0) {
        must(read(fd, text, 4));
        close(fd);
        _exit(0);
    }
    must(waitpid(child, NULL, 0));
    must(read(fd, text, 4));
    report_value("proc_fork offsets are shared", 0, "%s", text);
    must(unlinkat(dir, "shared", 0));
    close(fd), close(dir);
}

static void numbers(void) {
    int from, to;
    make_pipe(&from, &to);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        dprintf(to, "%d %d", getppid() == parent, getpid() != parent && getpid() > 0);
        _exit(0);
    }
    close(to);
    report_value("proc_parent of a child", child, "%s", read_all(from));
    close(from);
    report_end("proc_id of a child is what fork gives", child);
}

static void many(void) {
    pid_t children[8];
    int sum = 0, status;
    for (int i = 0; i < 8; i++)
        if ((children[i] = fork()) == 0) _exit(i + 1);
    for (int i = 7; i >= 0; i--) {
        must(waitpid(children[i], &status, 0));
        sum += WEXITSTATUS(status);
    }
    report_value("proc_join eight, last one first", 0, "%d", sum);
    for (int i = 0; i < 3; i++)
        if (fork() == 0) _exit(10);
    sum = 0;
    while (wait(&status) > 0) sum += WEXITSTATUS(status);
    report_value("proc_join any until there are none", 0, "%d %s", sum, error_name(errno));
}

static void grandchild(void) {
    int from, to;
    make_pipe(&from, &to);
    pid_t child = fork();
    if (child == 0) {
        pid_t below = fork();
        if (below == 0) {
            dprintf(to, "grandchild ");
            _exit(5);
        }
        int status;
        waitpid(below, &status, 0);
        dprintf(to, "%s", ending(status));
        _exit(6);
    }
    close(to);
    report_value("proc_fork grandchild", child, "%s", read_all(from));
    report_end("proc_fork its parent", child);
    close(from);
}

static void blocking(void) {
    int from, to, status = 99;
    make_pipe(&from, &to);
    pid_t child = fork();
    if (child == 0) {
        close(to);
        char text[1];
        _exit(read(from, text, 1) == 0 ? 3 : 4);
    }
    close(from);
    report_value("proc_join not to wait", waitpid(child, &status, WNOHANG), "%d", status);
    close(to);
    report_end("proc_join waits", child);
    report("proc_join without children", wait(&status));
    report("proc_join of no child", waitpid(getppid(), &status, 0));
}

static void shared(void) {
    int before = global;
    volatile int local = 0;
    pid_t child = vfork();
    if (child == 0) {
        global = 50;
        _exit(8);
    }
    report_end("proc_fork vfork", child);
    report_value("proc_fork vfork shares memory", 0, "%d", global);
    global = before + local;
}

static void buffers(void) {
    printf("proc_fork output that is buffered -> ok ");
    pid_t child = fork();
    if (child == 0) _exit(0);
    must(waitpid(child, NULL, 0));
    printf("once\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    memory();
    stacks();
    files(argv[2]);
    numbers();
    many();
    grandchild();
    blocking();
    shared();
    buffers();
    return 0;
}
