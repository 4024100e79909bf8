/* Threads for guests: on Linux those of pthreads, in a guest those of WASIX (or with WASI_THREADS of
 * wasi-threads), whose libc here has none. A mutex and a condition are made of futexes, or of the
 * instructions that wait at memory.
 *
 * Only the main thread may allocate. A thread ends when its function returns. */
#ifndef THREADS_H
#define THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATOMIC_LOAD(at) __atomic_load_n(at, __ATOMIC_SEQ_CST)
#define ATOMIC_STORE(at, value) __atomic_store_n(at, value, __ATOMIC_SEQ_CST)
#define ATOMIC_ADD(at, value) __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST)

static bool compare_and_swap(int *at, int expected, int value) {
    return __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

#ifdef __wasi__

#include <wasi/api.h>

#define WASIX(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))

struct timeout {
    uint8_t some;
    uint64_t nanoseconds;
};

WASIX(thread_id) uint16_t thread_id(uint32_t *tid);
WASIX(thread_exit) _Noreturn void thread_exit(uint32_t status);
WASIX(thread_join) uint16_t thread_join(uint32_t tid);
WASIX(thread_signal) uint16_t thread_signal(uint32_t tid, uint8_t signal);
WASIX(thread_parallelism) uint16_t thread_parallelism(uint32_t *count);
WASIX(futex_wait)
uint16_t futex_wait(int *at, int expected, const struct timeout *timeout, uint8_t *woken);
WASIX(futex_wake) uint16_t futex_wake(int *at, uint8_t *woken);
WASIX(futex_wake_all) uint16_t futex_wake_all(int *at, uint8_t *woken);

/* The first fields are where `wasi_thread_start` looks for them. */
struct thread {
    void *stack;
    void *tls;
    void (*run)(void *argument);
    void *argument;
    void *reserved[10];
    uint32_t stack_size;
    uint32_t guard_size;
    int tid;
    int ended;
};

#ifdef WASI_THREADS
__attribute__((import_module("wasi"), import_name("thread-spawn"))) int wasi_thread_spawn(void *);
static int thread_spawn(struct thread *thread) {
    int tid = wasi_thread_spawn(thread);
    return tid < 0 ? -tid : (thread->tid = tid, 0);
}
#else
WASIX(thread_spawn_v2) uint16_t thread_spawn_v2(void *start, int *tid);
static int thread_spawn(struct thread *thread) {
    return thread_spawn_v2(thread, &thread->tid);
}
#endif

#ifdef INSTRUCTIONS
static void wait_at(int *at, int expected) {
    __builtin_wasm_memory_atomic_wait32(at, expected, -1);
}
static void wake_at(int *at, bool all) {
    __builtin_wasm_memory_atomic_notify(at, all ? UINT32_MAX : 1);
}
#else
static void wait_at(int *at, int expected) {
    static const struct timeout forever = {0, 0};
    uint8_t woken;
    if (futex_wait(at, expected, &forever, &woken) != 0 || !woken) __builtin_trap();
}
static void wake_at(int *at, bool all) {
    uint8_t woken;
    if ((all ? futex_wake_all : futex_wake)(at, &woken) != 0) __builtin_trap();
}
#endif

__asm__(".globaltype __stack_pointer, i32\n"
        ".functype __wasm_init_tls (i32) -> ()\n"
        ".functype thread_begins (i32, i32) -> ()\n"
        ".globl wasi_thread_start\n"
        ".type wasi_thread_start,@function\n"
        ".export_name wasi_thread_start, wasi_thread_start\n"
        "wasi_thread_start:\n"
        ".functype wasi_thread_start (i32, i32) -> ()\n"
        "local.get 1\n"
        "i32.load 0\n"
        "global.set __stack_pointer\n"
        "local.get 1\n"
        "i32.load 4\n"
        "call __wasm_init_tls\n"
        "local.get 0\n"
        "local.get 1\n"
        "call thread_begins\n"
        "end_function\n");

void thread_ends(struct thread *thread) {
    ATOMIC_STORE(&thread->ended, 1);
    wake_at(&thread->ended, true);
}

__attribute__((used)) void thread_begins(int tid, struct thread *thread) {
    ATOMIC_STORE(&thread->tid, tid);
    thread->run(thread->argument);
    thread_ends(thread);
}

#define STACK_SIZE 16384

static int begin(struct thread *thread, void (*run)(void *), void *argument) {
    memset(thread, 0, sizeof *thread);
    size_t tls = __builtin_wasm_tls_size(), align = __builtin_wasm_tls_align();
    char *block = aligned_alloc(16, STACK_SIZE + ((tls + align + 15) & ~(size_t)15) + 16);
    thread->stack = block + STACK_SIZE;
    thread->stack_size = STACK_SIZE;
    thread->tls = (void *)(((uintptr_t)thread->stack + align) & ~(uintptr_t)(align ? align - 1 : 0));
    thread->run = run;
    thread->argument = argument;
    return thread_spawn(thread);
}

static void join(struct thread *thread) {
    while (!ATOMIC_LOAD(&thread->ended)) wait_at(&thread->ended, 0);
}

/* 0 free, 1 held, 2 held and maybe waited for. */
typedef int mutex;
typedef int condition;

static void lock(mutex *m) {
    if (compare_and_swap(m, 0, 1)) return;
    while (__atomic_exchange_n(m, 2, __ATOMIC_SEQ_CST) != 0) wait_at(m, 2);
}

static void unlock(mutex *m) {
    if (__atomic_exchange_n(m, 0, __ATOMIC_SEQ_CST) == 2) wake_at(m, false);
}

static void wait_for(condition *c, mutex *m) {
    int seen = ATOMIC_LOAD(c);
    unlock(m);
    wait_at(c, seen);
    lock(m);
}

static void tell_all(condition *c) {
    ATOMIC_ADD(c, 1);
    wake_at(c, true);
}

static _Noreturn void leave(void) { thread_exit(0); }

WASIX(callback_signal) void callback_signal(const char *name, uint32_t length);

__attribute__((export_name("on_signal"))) void on_signal(int signal);

static void take_signals(void) { callback_signal("on_signal", 9); }
static int send(struct thread *thread, int signal) {
    return thread_signal((uint32_t)thread->tid, (uint8_t)signal);
}

#else

#include <pthread.h>
#include <signal.h>

struct thread {
    pthread_t handle;
    void (*run)(void *argument);
    void *argument;
};

static void *thread_begins(void *argument) {
    struct thread *thread = argument;
    thread->run(thread->argument);
    return NULL;
}

static int begin(struct thread *thread, void (*run)(void *), void *argument) {
    thread->run = run;
    thread->argument = argument;
    return pthread_create(&thread->handle, NULL, thread_begins, thread);
}

static void join(struct thread *thread) { pthread_join(thread->handle, NULL); }

typedef pthread_mutex_t mutex;
typedef pthread_cond_t condition;

static void lock(mutex *m) { pthread_mutex_lock(m); }
static void unlock(mutex *m) { pthread_mutex_unlock(m); }
static void wait_for(condition *c, mutex *m) { pthread_cond_wait(c, m); }
static void tell_all(condition *c) { pthread_cond_broadcast(c); }
static _Noreturn void leave(void) { pthread_exit(NULL); }

void on_signal(int signal);

static void take_signals(void) {
    signal(10, on_signal);
    signal(12, on_signal);
}
static int send(struct thread *thread, int signal) { return pthread_kill(thread->handle, signal); }

#endif
#endif
