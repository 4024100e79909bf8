/* Processes: their numbers, fork, exec, spawn and wait. */
#include "shim.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pid_t fork_with(bool copy_memory) {
    uint32_t pid = 0;
    int32_t error = wasix_proc_fork(copy_memory, &pid);
    return error == 0 ? (pid_t)pid : result(error);
}

pid_t fork(void) {
    return fork_with(true);
}

pid_t vfork(void) {
    keep_signals();
    pid_t pid = fork_with(false);
    if (pid != 0) restore_signals();
    return pid;
}

static const char *search_path(void) {
    const char *path = getenv("PATH");
    return path ? path : "/usr/local/bin:/bin:/usr/bin";
}

static int exec(const char *name, char *const args[], char *const envs[], bool search) {
    const char *path = search ? search_path() : "";
    return result(wasix_proc_exec4(name, strlen(name), args, count_strings(args), envs, count_strings(envs),
                                   search, path, strlen(path)));
}

int execve(const char *path, char *const args[], char *const envs[]) {
    return exec(path, args, envs, false);
}

int execv(const char *path, char *const args[]) {
    return exec(path, args, environ, false);
}

int execvp(const char *file, char *const args[]) {
    return exec(file, args, environ, strchr(file, '/') == NULL);
}

int execl(const char *path, const char *first, ...) {
    const char *args[64] = {first};
    va_list rest;
    va_start(rest, first);
    for (uint32_t i = 1; args[i - 1] && i < 63; i++) args[i] = va_arg(rest, const char *);
    va_end(rest);
    return execv(path, (char *const *)args);
}

static int spawn(pid_t *pid, const char *name, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const args[], char *const envs[], bool search) {
    wasix_disposition_t dispositions[128];
    uint32_t count = ignored_signals(dispositions), child = 0;
    if (attributes && (attributes->flags & POSIX_SPAWN_SETSIGDEF))
        for (int signal = 1; signal < NSIG; signal++)
            if (sigismember(&attributes->defaults, signal))
                dispositions[count++] = (wasix_disposition_t){signal, 0};
    const char *path = search ? search_path() : "";
    const wasix_fd_op_t *ops = actions ? actions->ops : NULL;
    uint32_t op_count = actions ? actions->count : 0;
    int32_t error = wasix_proc_spawn3(name, strlen(name), args, count_strings(args), envs, count_strings(envs),
                                      ops, op_count, dispositions, count, search, path, strlen(path), &child);
    if (error == 0 && pid) *pid = child;
    return error;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const args[], char *const envs[]) {
    return spawn(pid, path, actions, attributes, args, envs, false);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const args[], char *const envs[]) {
    return spawn(pid, file, actions, attributes, args, envs, strchr(file, '/') == NULL);
}

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions) {
    *actions = (posix_spawn_file_actions_t){0};
    return 0;
}

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions) {
    for (uint32_t i = 0; i < actions->count; i++) free((char *)actions->ops[i].path);
    free(actions->ops);
    return posix_spawn_file_actions_init(actions);
}

static int add(posix_spawn_file_actions_t *actions, wasix_fd_op_t op, const char *path) {
    wasix_fd_op_t *ops = realloc(actions->ops, (actions->count + 1) * sizeof op);
    if (!ops) return ENOMEM;
    actions->ops = ops;
    if (path) {
        op.path_length = strlen(path);
        if (!(op.path = strdup(path))) return ENOMEM;
    }
    ops[actions->count++] = op;
    return 0;
}

int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd) {
    return add(actions, (wasix_fd_op_t){.cmd = WASIX_CLOSE, .fd = fd}, NULL);
}

int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to) {
    return add(actions, (wasix_fd_op_t){.cmd = WASIX_DUP2, .fd = to, .src_fd = from}, NULL);
}

int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd, const char *path, int flags,
                                     mode_t mode) {
    (void)mode;
    uint64_t rights = ~0ULL >> 35;
    if (!(flags & O_RDONLY)) rights &= ~(uint64_t)(__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_READDIR);
    if (!(flags & O_WRONLY))
        rights &= ~(uint64_t)(__WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_ALLOCATE |
                              __WASI_RIGHTS_FD_FILESTAT_SET_SIZE);
    wasix_fd_op_t op = {
        .cmd = WASIX_OPEN,
        .fd = fd,
        .dirflags = flags & O_NOFOLLOW ? 0 : __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW,
        .oflags = (flags >> 12) & 0xfff,
        .base = rights,
        .inheriting = rights,
        .fdflags = flags & 0xfff,
    };
    return add(actions, op, path);
}

int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path) {
    return add(actions, (wasix_fd_op_t){.cmd = WASIX_CHDIR}, path);
}

int posix_spawnattr_init(posix_spawnattr_t *attributes) {
    *attributes = (posix_spawnattr_t){0};
    return 0;
}

int posix_spawnattr_destroy(posix_spawnattr_t *attributes) {
    return posix_spawnattr_init(attributes);
}

int posix_spawnattr_setflags(posix_spawnattr_t *attributes, short flags) {
    attributes->flags = flags;
    return 0;
}

int posix_spawnattr_setsigdefault(posix_spawnattr_t *attributes, const sigset_t *set) {
    attributes->defaults = *set;
    return 0;
}

/* WASIX has no process groups: a group is waited for as its leader. */
pid_t waitpid(pid_t pid, int *status, int options) {
    wasix_option_pid_t child = {pid > 0 || pid < -1, pid < 0 ? -pid : pid};
    wasix_join_status_t ended = {0};
    uint32_t flags = (options & WNOHANG ? WASIX_JOIN_NON_BLOCKING : 0) |
                     (options & WUNTRACED ? WASIX_JOIN_WAKE_STOPPED : 0);
    int32_t error = wasix_proc_join(&child, flags, &ended);
    if (error != 0) return result(error);
    int code = 0;
    switch (ended.tag) {
    case WASIX_NOTHING:
        return 0;
    case WASIX_EXITED:
        code = (ended.exited & 0xff) << 8;
        break;
    case WASIX_SIGNALED:
        code = ended.signaled.signal;
        break;
    case WASIX_STOPPED:
        code = ended.stopped << 8 | 0x7f;
        break;
    }
    if (status) *status = code;
    return child.value;
}

pid_t wait(int *status) {
    return waitpid(-1, status, 0);
}

pid_t wait3(int *status, int options, struct rusage *usage) {
    if (usage) memset(usage, 0, sizeof *usage);
    return waitpid(-1, status, options);
}

pid_t getpid(void) {
    uint32_t pid = 0;
    wasix_proc_id(&pid);
    return pid;
}

pid_t getppid(void) {
    uint32_t parent = 0;
    wasix_proc_parent(getpid(), &parent);
    return parent;
}

/* Every process is the leader of its own group, and has the terminal. */
pid_t getpgrp(void) {
    return getpid();
}

pid_t getpgid(pid_t pid) {
    return pid == 0 ? getpid() : pid;
}

int setpgid(pid_t pid, pid_t group) {
    (void)pid, (void)group;
    return 0;
}

pid_t tcgetpgrp(int fd) {
    return isatty(fd) ? getpid() : -1;
}

int tcsetpgrp(int fd, pid_t group) {
    (void)group;
    return isatty(fd) ? 0 : -1;
}
