/* Threads as POSIX has them: `threads CASE [COUNT]`. The same source runs on Linux. */
#include "threads.h"

#define MOST 8

static struct thread threads[MOST];

static void begin_all(int count, void (*run)(void *)) {
    for (intptr_t index = 0; index < count; index++) {
        int error = begin(&threads[index], run, (void *)index);
        if (error) {
            printf("thread %d: error %d\n", (int)index, error);
            exit(1);
        }
    }
}

static void join_all(int count) {
    for (int index = 0; index < count; index++) join(&threads[index]);
}

/* Atomic additions, and ones under a mutex. */

static int rounds;
static long atomic_total, total;
static mutex guard;

static void count(void *argument) {
    (void)argument;
    for (int n = 0; n < rounds; n++) ATOMIC_ADD(&atomic_total, 1);
    for (int n = 0; n < rounds / 100; n++) {
        lock(&guard);
        total++;
        unlock(&guard);
    }
}

static void counters(void) {
    begin_all(MOST, count);
    join_all(MOST);
    printf("%ld atomic, %ld under a mutex\n", atomic_total, total);
}

/* Two threads take turns. */

static condition turned;
static int turn;
static char record[2 * 16 + 1];

static void take_turns(void *argument) {
    int own = (int)(intptr_t)argument;
    for (int n = 0; n < rounds; n++) {
        lock(&guard);
        while (turn % 2 != own) wait_for(&turned, &guard);
        record[turn % 32] = (char)('a' + own);
        turn++;
        tell_all(&turned);
        unlock(&guard);
    }
}

static void ping_pong(void) {
    begin_all(2, take_turns);
    join_all(2);
    printf("%d turns: %s\n", turn, record);
}

/* Two threads wait for each other without a call: neither gets on unless both run at once. */

static void spin_by_turns(void *argument) {
    int own = (int)(intptr_t)argument;
    for (int n = 0; n < rounds; n++) {
        while (ATOMIC_LOAD(&turn) != 2 * n + own) continue;
        ATOMIC_STORE(&turn, 2 * n + own + 1);
    }
}

static void rendezvous(void) {
    begin_all(2, spin_by_turns);
    join_all(2);
    printf("%d meetings\n", turn);
}

/* Each thread has variables of its own. */

static _Thread_local int mine = 7;
static _Thread_local char letters[4] = "abc";
static int found[MOST];

static void change_own(void *argument) {
    int number = (int)(intptr_t)argument;
    found[number] = mine == 7 && strcmp(letters, "abc") == 0;
    mine = number;
    letters[0] = (char)('A' + number);
    ATOMIC_ADD(&turn, 1);
    while (ATOMIC_LOAD(&turn) < MOST) continue;
    found[number] += mine == number && letters[0] == 'A' + number;
}

static void local_storage(void) {
    mine = 99;
    begin_all(MOST, change_own);
    join_all(MOST);
    for (int number = 0; number < MOST; number++) printf("%d ", found[number]);
    printf("%d %s\n", mine, letters);
}

/* A signal for a thread is taken by that thread, also while it waits, and its wait goes on. */

static int taken[MOST];

void on_signal(int signal) { ATOMIC_STORE(&taken[mine], signal); }

static void wait_for_turn(void *argument) {
    mine = (int)(intptr_t)argument;
    take_signals(); /* as the reference host wants it of each thread */
    ATOMIC_ADD(&total, 1);
    lock(&guard);
    while (!turn) wait_for(&turned, &guard);
    unlock(&guard);
    found[mine] = taken[mine];
}

static void signals(void) {
    take_signals();
    begin_all(MOST, wait_for_turn);
    while (ATOMIC_LOAD(&total) < MOST) continue;
    for (int n = 0; n < MOST; n++) {
        if (send(&threads[n], n % 2 ? 12 : 10)) puts("a signal was not sent");
    }
    for (int n = 0; n < MOST; n++) {
        while (!ATOMIC_LOAD(&taken[n])) continue;
    }
    lock(&guard);
    turn = 1;
    tell_all(&turned);
    unlock(&guard);
    join_all(MOST);
    for (int n = 0; n < MOST; n++) printf("%d ", found[n]);
    printf("\n");
}

/* How a process with threads ends. */

static void spin(void *argument) {
    (void)argument;
    for (;;) ATOMIC_ADD(&turn, 1);
}

static void wait_for_ever(void *argument) {
    (void)argument;
    lock(&guard);
    for (;;) wait_for(&turned, &guard);
}

static void exit_seven(void *argument) {
    (void)argument;
    while (!ATOMIC_LOAD(&turn)) continue;
    exit(7);
}

static void trap(void *argument) {
    (void)argument;
    while (!ATOMIC_LOAD(&turn)) continue;
    __builtin_trap();
}

static void print_late(void *argument) {
    (void)argument;
    while (!ATOMIC_LOAD(&turn)) continue;
    for (volatile int n = 0; n < 1000000; n++) continue;
    puts("the others went on");
    fflush(stdout);
}

static void main_ends_first(void) {
    begin_all(1, print_late);
    ATOMIC_STORE(&turn, 1);
    leave();
}

static void another_ends_it(void (*run)(void *)) {
    begin(&threads[0], run, NULL);
    begin(&threads[1], wait_for_ever, NULL);
    begin(&threads[2], spin, NULL);
    ATOMIC_STORE(&turn, 1);
    join(&threads[0]);
    puts("it goes on");
}

static void main_returns(void) {
    begin(&threads[0], spin, NULL);
    begin(&threads[1], wait_for_ever, NULL);
    while (!ATOMIC_LOAD(&turn)) continue;
    puts("over");
}

static void spin_for_ever(void) {
    begin(&threads[0], spin, NULL);
    while (!ATOMIC_LOAD(&turn)) continue;
    for (int n = 0; n < 100; n++) {
        puts("spinning");
        fflush(stdout);
    }
    spin(NULL);
}

static void deadlock(void) {
    begin_all(MOST, wait_for_ever);
    puts("waiting");
    fflush(stdout);
    join_all(MOST);
}

/* A thread's memory grows for all of them. */

static void grow(void *argument) {
    (void)argument;
#ifdef __wasi__
    int first = (int)__builtin_wasm_memory_grow(0, 4);
    int *new = (int *)(first * 65536L);
    *new = 5;
    join((struct thread *)&(struct thread){.ended = 1});
    uint8_t woken = 9;
    static const struct timeout now = {1, 0};
    int waited = futex_wait(new, 5, &now, &woken);
    found[0] = first > 0 && waited == 0 && !woken;
    found[1] = first;
#else
    found[0] = 1;
#endif
}

static void growth(void) {
    begin_all(1, grow);
    join_all(1);
#ifdef __wasi__
    uint8_t woken = 9;
    static const struct timeout now = {1, 0};
    int *new = (int *)(found[1] * 65536L);
    found[1] = *new == 5 && futex_wait(new, 5, &now, &woken) == 0 && !woken;
    __wasi_ciovec_t out = {(const uint8_t *)new + 8, 5};
    __wasi_size_t written;
    memcpy(new + 2, "grown", 5);
    found[2] = __wasi_fd_write(1, &out, 1, &written);
#else
    found[1] = 1;
    printf("grown");
#endif
    printf("\n%d %d %d\n", found[0], found[1], found[2]);
}

/* Beginning and ending them again and again. */

static void add_one(void *argument) {
    (void)argument;
    ATOMIC_ADD(&total, 1);
}

static void many(void) {
    for (int n = 0; n < rounds; n++) {
        begin_all(4, add_one);
        join_all(4);
    }
    printf("%ld threads\n", total);
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    rounds = argc > 2 ? atoi(argv[2]) : 1000;
    if (!strcmp(name, "counters")) counters();
    if (!strcmp(name, "ping-pong")) ping_pong();
    if (!strcmp(name, "rendezvous")) rendezvous();
    if (!strcmp(name, "local-storage")) local_storage();
    if (!strcmp(name, "signals")) signals();
    if (!strcmp(name, "main-ends-first")) main_ends_first();
    if (!strcmp(name, "exit")) another_ends_it(exit_seven);
    if (!strcmp(name, "trap")) another_ends_it(trap);
    if (!strcmp(name, "main-returns")) main_returns();
    if (!strcmp(name, "spin")) spin_for_ever();
    if (!strcmp(name, "deadlock")) deadlock();
    if (!strcmp(name, "growth")) growth();
    if (!strcmp(name, "many")) many();
    return 0;
}
