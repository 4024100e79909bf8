/* Processes through the calls as they are imported. Started again as `wasix_proc child WHAT`, the
 * guest is the child; argv[1] is the path of its own module. */
#include "wasix.h"
#include <stdlib.h>

static const char *self;

static uint32_t own(void) {
    uint32_t pid = 0;
    must(wasix_proc_id(&pid));
    return pid;
}

/* How the child ended: `exit N`, `signal N`, `stopped N`, or nothing. */
static void wait_for(const char *name, uint32_t pid, uint32_t flags) {
    wasix_option_pid_t which = {1, pid};
    wasix_join_status_t status = {0};
    error_t error = wasix_proc_join(&which, flags, &status);
    switch (status.tag) {
    case WASIX_EXITED: report_value(name, error, "exit %d, %d", status.exited, which.value == pid); break;
    case WASIX_SIGNALED: report_value(name, error, "signal %d", status.signaled.signal); break;
    case WASIX_STOPPED: report_value(name, error, "stopped %d", status.stopped); break;
    default: report_value(name, error, "nothing"); break;
    }
}

static error_t spawn2(const char *name, const char *args, const char *envs, bool search, const char *path,
                      const wasix_fd_op_t *ops, uint32_t count, uint32_t *pid) {
    return wasix_proc_spawn2(TEXT(name), TEXT(args), TEXT(envs), ops, count, NULL, 0, search, TEXT(path), pid);
}

static void spawns(void) {
    uint32_t pid = 0;
    error_t error = spawn2(self, "a\nchild\nargs\ntwo words\n", "X=1", false, "", NULL, 0, &pid);
    /* What the child prints comes before its end is told. */
    wait_for("proc_join child", pid, 0);
    report("proc_spawn2 program", error);
    wait_for("proc_join once only", pid, 0);

    char *const args[] = {"a", "child", "args", "new\nline", "", NULL};
    char *const envs[] = {"X=new\nline", NULL};
    error = wasix_proc_spawn3(TEXT(self), args, 5, envs, 1, NULL, 0, NULL, 0, false, TEXT(""), &pid);
    wait_for("proc_join child with arrays", pid, 0);
    report("proc_spawn3 program", error);
    report("proc_spawn3 missing",
           wasix_proc_spawn3(TEXT("/missing"), args, 5, envs, 1, NULL, 0, NULL, 0, false, TEXT(""), &pid));
    report("proc_spawn3 arguments outside of memory",
           wasix_proc_spawn3(TEXT(self), OUTSIDE, 5, envs, 1, NULL, 0, NULL, 0, false, TEXT(""), &pid));
    report("proc_spawn2 missing", spawn2("/missing", "a", "", false, "", NULL, 0, &pid));
    report("proc_spawn2 nowhere on the path", spawn2("missing", "a", "", true, "/tmp:/dev", NULL, 0, &pid));
    report("proc_spawn2 name outside of memory",
           wasix_proc_spawn2(OUTSIDE, 64, "", 0, "", 0, NULL, 0, NULL, 0, false, "", 0, &pid));

    wasix_handles_t handles;
    report("proc_spawn program",
           wasix_proc_spawn(TEXT(self), false, TEXT("a\nchild\nstatus\n9"), TEXT(""), WASIX_INHERIT, WASIX_INHERIT,
                            WASIX_INHERIT, TEXT("/"), &handles));
    wait_for("proc_join of proc_spawn", handles.pid, 0);
    report("proc_spawn missing",
           wasix_proc_spawn(TEXT("/missing"), false, TEXT("a"), TEXT(""), WASIX_INHERIT, WASIX_INHERIT,
                            WASIX_INHERIT, TEXT("/"), &handles));
    report("proc_spawn outside of memory",
           wasix_proc_spawn(OUTSIDE, 64, false, TEXT("a"), TEXT(""), WASIX_INHERIT, WASIX_INHERIT, WASIX_INHERIT,
                            TEXT("/"), &handles));
}

static void streams(void) {
    uint32_t pid = 0, from, to;
    must(wasix_fd_pipe(&from, &to));
    wasix_fd_op_t ops[] = {
        {.cmd = WASIX_DUP2, .fd = 1, .src_fd = to},
        {.cmd = WASIX_CLOSE, .fd = from},
        {.cmd = WASIX_CLOSE, .fd = to},
    };
    report("proc_spawn2 output into a pipe", spawn2(self, "a\nchild\nargs\nhi", "", false, "", ops, 3, &pid));
    close_fd(to);
    char text[64] = {0};
    __wasi_size_t count = 0, all = 0;
    do {
        must(read_once(from, text + all, sizeof text - 1 - all, &count));
        all += count;
    } while (count > 0);
    for (char *end = text; *end; end++)
        if (*end == '\n') *end = '|';
    report_value("proc_spawn2 output came", 0, "%s", text);
    close_fd(from);
    wait_for("proc_join writer", pid, 0);
    wasix_fd_op_t bad = {.cmd = WASIX_DUP2, .fd = 1, .src_fd = 9999};
    report("proc_spawn2 copy of what is not open", spawn2(self, "a\nchild\nstatus\n0", "", false, "", &bad, 1, &pid));
}

static void joins(void) {
    uint32_t pid = 0, from, to;
    wait_for("proc_join unknown", 99999, 0);
    wait_for("proc_join itself", own(), WASIX_JOIN_NON_BLOCKING);
    wasix_option_pid_t any = {0};
    wasix_join_status_t status = {0};
    report("proc_join no child", wasix_proc_join(&any, 0, &status));
    report("proc_join outside of memory", wasix_proc_join(OUTSIDE, 0, &status));
    report("proc_join status outside of memory", wasix_proc_join(&any, 0, OUTSIDE));

    must(wasix_fd_pipe(&from, &to));
    wasix_fd_op_t ops[] = {{.cmd = WASIX_DUP2, .fd = 0, .src_fd = from}, {.cmd = WASIX_CLOSE, .fd = to}};
    must(spawn2(self, "a\nchild\nread\n4", "", false, "", ops, 2, &pid));
    close_fd(from);
    wait_for("proc_join not to wait", pid, WASIX_JOIN_NON_BLOCKING);
    report("proc_signal nothing", wasix_proc_signal(pid, 0));
    close_fd(to);
    any = (wasix_option_pid_t){0};
    error_t error = wasix_proc_join(&any, 0, &status);
    report_value("proc_join any", error, "%d %d %d", any.tag, any.value == pid, status.exited);

    report("proc_signal unknown", wasix_proc_signal(99999, 15));
    report("proc_signal of no such number", wasix_proc_signal(own(), 200));

    uint32_t parent = 9;
    report("proc_parent own", wasix_proc_parent(own(), &parent));
    must(spawn2(self, "a\nchild\nparent", "", false, "", NULL, 0, &pid));
    wait_for("proc_parent seen by a child", pid, 0);
    report("proc_parent unknown", wasix_proc_parent(99999, &parent));
    report("proc_parent outside of memory", wasix_proc_parent(own(), OUTSIDE));
}

/* Wasmer's children do not end by a signal: it comes no further. */
static void kills(void) {
    uint32_t pid = 0, from, to;
    must(wasix_fd_pipe(&from, &to));
    wasix_fd_op_t ops[] = {{.cmd = WASIX_DUP2, .fd = 0, .src_fd = from}, {.cmd = WASIX_CLOSE, .fd = to}};
    must(spawn2(self, "a\nchild\nread\n4", "", false, "", ops, 2, &pid));
    report("proc_signal child", wasix_proc_signal(pid, 15));
    wait_for("proc_join killed", pid, 0);
    must(spawn2(self, "a\nchild\nread\n4", "", false, "", ops, 2, &pid));
    must(wasix_proc_signal(pid, 9));
    wait_for("proc_join killed for sure", pid, 0);
    must(spawn2(self, "a\nchild\nread\n4", "", false, "", ops, 2, &pid));
    must(wasix_proc_signal(pid, 19));
    wait_for("proc_join stopped", pid, WASIX_JOIN_WAKE_STOPPED);
    report("proc_signal to go on", wasix_proc_signal(pid, 18));
    close_fd(to), close_fd(from);
    wait_for("proc_join after it went on", pid, 0);
}

static int child(int argc, char **argv) {
    const char *what = argc > 2 ? argv[2] : "";
    if (strcmp(what, "args") == 0) {
        printf("%d:", argc);
        for (int i = 3; i < argc; i++) printf(" [%s]", argv[i]);
        printf(" X=%s\n", getenv("X") ? getenv("X") : "(none)");
        return 3;
    }
    if (strcmp(what, "parent") == 0) {
        uint32_t parent = 0;
        wasix_proc_parent(own(), &parent);
        return parent != 0 && parent != own() ? 0 : 1;
    }
    if (strcmp(what, "read") == 0) {
        char text[1];
        __wasi_size_t count;
        read_once(0, text, 1, &count);
    }
    return argc > 3 ? atoi(argv[3]) : 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "child") == 0) return child(argc, argv);
    self = argv[1];
    if (argc > 2) {
        kills();
        return 0;
    }
    spawns();
    streams();
    joins();
    return 0;
}
