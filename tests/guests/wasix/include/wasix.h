/* WASIX as wasm imports it: the functions beside those for networking, and the records they take. */
#ifndef WASIX_H
#define WASIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wasi/api.h>

#define WASIX(function) __attribute__((import_module("wasix_32v1"), import_name(#function)))

typedef struct {
    uint8_t tag; /* 1 if there is a value */
    uint64_t value;
} wasix_option_timestamp_t;

typedef struct {
    uint8_t tag;
    uint32_t value;
} wasix_option_pid_t;

enum { WASIX_NOTHING, WASIX_EXITED, WASIX_SIGNALED, WASIX_STOPPED };

typedef struct {
    uint8_t tag;
    union {
        uint16_t exited;
        struct {
            uint16_t status;
            uint8_t signal;
        } signaled;
        uint8_t stopped;
    };
} wasix_join_status_t;

enum { WASIX_JOIN_NON_BLOCKING = 1, WASIX_JOIN_WAKE_STOPPED = 2 };

typedef struct {
    uint32_t cols, rows, width, height;
    uint8_t stdin_tty, stdout_tty, stderr_tty, echo, line_buffered, line_feeds;
} wasix_tty_t;

typedef struct {
    uint64_t user;
    struct {
        uint64_t low, high;
    } hash;
} wasix_snapshot_t;

typedef struct {
    uint32_t pid;
    struct {
        uint8_t tag;
        uint32_t value;
    } input, output, error;
} wasix_handles_t;

enum { WASIX_PIPED, WASIX_INHERIT, WASIX_NULL, WASIX_LOG };
enum { WASIX_CLOSE, WASIX_DUP2, WASIX_OPEN, WASIX_CHDIR, WASIX_FCHDIR };

typedef struct {
    uint8_t cmd;
    uint32_t fd, src_fd;
    const char *path;
    uint32_t path_length, dirflags;
    uint16_t oflags;
    uint64_t base, inheriting;
    uint16_t fdflags, fdflagsext;
} wasix_fd_op_t;

typedef struct {
    uint8_t signal, ignored;
} wasix_disposition_t;

enum { WASIX_EPOLL_ADD, WASIX_EPOLL_MOD, WASIX_EPOLL_DEL };
enum {
    WASIX_EPOLL_IN = 1,
    WASIX_EPOLL_OUT = 2,
    WASIX_EPOLL_RDHUP = 4,
    WASIX_EPOLL_PRI = 8,
    WASIX_EPOLL_ERR = 16,
    WASIX_EPOLL_HUP = 32,
    WASIX_EPOLL_ET = 64,
    WASIX_EPOLL_ONESHOT = 128,
};

typedef struct {
    uint32_t events;
    struct {
        uint32_t pointer, fd;
        uint32_t data1;
        uint64_t data2;
    } data;
} wasix_epoll_event_t;

typedef struct {
    void *stack, *tls_base;
    void (*start)(void *);
    void *argument;
    uint32_t reserved[10];
    uint32_t stack_size, guard_size;
} wasix_thread_start_t;

typedef struct {
    uint8_t cacheable;
    uint16_t arguments, results;
} wasix_reflection_t;

_Static_assert(sizeof(wasix_option_timestamp_t) == 16, "option_timestamp");
_Static_assert(sizeof(wasix_join_status_t) == 6, "join_status");
_Static_assert(sizeof(wasix_tty_t) == 24, "tty");
_Static_assert(sizeof(wasix_snapshot_t) == 24, "stack_snapshot");
_Static_assert(sizeof(wasix_handles_t) == 28, "process_handles");
_Static_assert(sizeof(wasix_fd_op_t) == 56, "proc_spawn_fd_op");
_Static_assert(sizeof(wasix_epoll_event_t) == 32, "epoll_event");
_Static_assert(sizeof(wasix_thread_start_t) == 64, "thread_start");
_Static_assert(sizeof(wasix_reflection_t) == 6, "reflection_result");

WASIX(clock_time_set) int32_t wasix_clock_time_set(uint32_t id, uint64_t time);
WASIX(fd_dup) int32_t wasix_fd_dup(uint32_t fd, uint32_t *out);
WASIX(fd_dup2) int32_t wasix_fd_dup2(uint32_t fd, uint32_t lowest, uint32_t cloexec, uint32_t *out);
WASIX(fd_event) int32_t wasix_fd_event(uint64_t initial, uint32_t flags, uint32_t *out);
WASIX(fd_pipe) int32_t wasix_fd_pipe(uint32_t *read, uint32_t *write);
WASIX(fd_fdflags_get) int32_t wasix_fd_fdflags_get(uint32_t fd, uint16_t *out);
WASIX(fd_fdflags_set) int32_t wasix_fd_fdflags_set(uint32_t fd, uint32_t flags);
WASIX(tty_get) int32_t wasix_tty_get(wasix_tty_t *state);
WASIX(tty_set) int32_t wasix_tty_set(const wasix_tty_t *state);
WASIX(getcwd) int32_t wasix_getcwd(char *path, uint32_t *length);
WASIX(chdir) int32_t wasix_chdir(const char *path, uint32_t length);
WASIX(path_open2)
int32_t wasix_path_open2(uint32_t fd, uint32_t dirflags, const char *path, uint32_t length, uint32_t oflags,
                         uint64_t base, uint64_t inheriting, uint32_t fdflags, uint32_t fdflagsext,
                         uint32_t *out);
WASIX(epoll_create) int32_t wasix_epoll_create(uint32_t *out);
WASIX(epoll_ctl) int32_t wasix_epoll_ctl(uint32_t epfd, uint32_t op, uint32_t fd, const wasix_epoll_event_t *event);
WASIX(epoll_wait)
int32_t wasix_epoll_wait(uint32_t epfd, wasix_epoll_event_t *events, uint32_t count, uint64_t timeout,
                         uint32_t *out);

WASIX(callback_signal) void wasix_callback_signal(const char *name, uint32_t length);
WASIX(thread_signal) int32_t wasix_thread_signal(uint32_t tid, uint32_t signal);
WASIX(proc_raise_interval) int32_t wasix_proc_raise_interval(uint32_t signal, uint64_t interval, uint32_t repeat);
WASIX(proc_signal) int32_t wasix_proc_signal(uint32_t pid, uint32_t signal);
WASIX(proc_signals_get) int32_t wasix_proc_signals_get(wasix_disposition_t *dispositions);
WASIX(proc_signals_sizes_get) int32_t wasix_proc_signals_sizes_get(uint32_t *count);

WASIX(thread_spawn_v2) int32_t wasix_thread_spawn_v2(wasix_thread_start_t *start, uint32_t *tid);
WASIX(thread_sleep) int32_t wasix_thread_sleep(uint64_t duration);
WASIX(thread_id) int32_t wasix_thread_id(uint32_t *tid);
WASIX(thread_join) int32_t wasix_thread_join(uint32_t tid);
WASIX(thread_parallelism) int32_t wasix_thread_parallelism(uint32_t *out);
WASIX(thread_exit) _Noreturn void wasix_thread_exit(uint32_t status);
WASIX(futex_wait)
int32_t wasix_futex_wait(volatile uint32_t *word, uint32_t expected, const wasix_option_timestamp_t *timeout,
                         uint8_t *woken);
WASIX(futex_wake) int32_t wasix_futex_wake(volatile uint32_t *word, uint8_t *woken);
WASIX(futex_wake_all) int32_t wasix_futex_wake_all(volatile uint32_t *word, uint8_t *woken);

WASIX(stack_checkpoint) int32_t wasix_stack_checkpoint(wasix_snapshot_t *snapshot, uint64_t *value);
WASIX(stack_restore) void wasix_stack_restore(const wasix_snapshot_t *snapshot, uint64_t value);
WASIX(proc_fork) int32_t wasix_proc_fork(uint32_t copy_memory, uint32_t *pid);
WASIX(proc_fork_env) int32_t wasix_proc_fork_env(uint32_t *pid);
WASIX(proc_exit2) _Noreturn void wasix_proc_exit2(uint32_t status);
WASIX(proc_exec) void wasix_proc_exec(const char *name, uint32_t name_length, const char *args, uint32_t args_length);
WASIX(proc_exec2)
void wasix_proc_exec2(const char *name, uint32_t name_length, const char *args, uint32_t args_length,
                      const char *envs, uint32_t envs_length);
WASIX(proc_exec3)
int32_t wasix_proc_exec3(const char *name, uint32_t name_length, const char *args, uint32_t args_length,
                         const char *envs, uint32_t envs_length, uint32_t search_path, const char *path,
                         uint32_t path_length);
WASIX(proc_exec4)
int32_t wasix_proc_exec4(const char *name, uint32_t name_length, char *const *args, uint32_t args_length,
                         char *const *envs, uint32_t envs_length, uint32_t search_path, const char *path,
                         uint32_t path_length);
WASIX(proc_spawn)
int32_t wasix_proc_spawn(const char *name, uint32_t name_length, uint32_t chroot, const char *args,
                         uint32_t args_length, const char *preopen, uint32_t preopen_length, uint32_t input,
                         uint32_t output, uint32_t error, const char *directory, uint32_t directory_length,
                         wasix_handles_t *out);
WASIX(proc_spawn2)
int32_t wasix_proc_spawn2(const char *name, uint32_t name_length, const char *args, uint32_t args_length,
                          const char *envs, uint32_t envs_length, const wasix_fd_op_t *ops, uint32_t op_count,
                          const wasix_disposition_t *dispositions, uint32_t disposition_count,
                          uint32_t search_path, const char *path, uint32_t path_length, uint32_t *pid);
WASIX(proc_spawn3)
int32_t wasix_proc_spawn3(const char *name, uint32_t name_length, char *const *args, uint32_t args_length,
                          char *const *envs, uint32_t envs_length, const wasix_fd_op_t *ops, uint32_t op_count,
                          const wasix_disposition_t *dispositions, uint32_t disposition_count,
                          uint32_t search_path, const char *path, uint32_t path_length, uint32_t *pid);
WASIX(proc_id) int32_t wasix_proc_id(uint32_t *pid);
WASIX(proc_parent) int32_t wasix_proc_parent(uint32_t pid, uint32_t *parent);
WASIX(proc_join) int32_t wasix_proc_join(wasix_option_pid_t *pid, uint32_t flags, wasix_join_status_t *status);
WASIX(proc_snapshot) int32_t wasix_proc_snapshot(void);
WASIX(context_create) int32_t wasix_context_create(uint64_t *context, void (*entry)(void));
WASIX(context_switch) int32_t wasix_context_switch(uint64_t context);
WASIX(context_destroy) int32_t wasix_context_destroy(uint64_t context);

WASIX(dl_invalid_handle) int32_t wasix_dl_invalid_handle(uint32_t handle);
WASIX(dlopen)
int32_t wasix_dlopen(const char *path, uint32_t length, uint32_t flags, char *error, uint32_t error_length,
                     const char *library_path, uint32_t library_path_length, uint32_t *handle);
WASIX(dlsym)
int32_t wasix_dlsym(uint32_t handle, const char *symbol, uint32_t length, char *error, uint32_t error_length,
                    uint32_t *out);
WASIX(call_dynamic)
int32_t wasix_call_dynamic(uint32_t function, const void *values, uint32_t values_length, void *results,
                           uint32_t results_length, uint32_t strict);
WASIX(closure_prepare)
int32_t wasix_closure_prepare(uint32_t backing, uint32_t closure, const uint8_t *arguments,
                              uint32_t argument_count, const uint8_t *results, uint32_t result_count,
                              void *user_data);
WASIX(closure_allocate) int32_t wasix_closure_allocate(uint32_t *closure);
WASIX(closure_free) int32_t wasix_closure_free(uint32_t closure);
WASIX(reflect_signature)
int32_t wasix_reflect_signature(uint32_t function, uint8_t *arguments, uint32_t argument_count, uint8_t *results,
                                uint32_t result_count, wasix_reflection_t *out);

#endif
