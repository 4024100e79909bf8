/* Functions by their place in the table: their types, calls whose type is known only now, closures. */
#include "wasix.h"

enum { I32, I64, F32, F64, V128 };

__attribute__((noinline)) static int64_t mixed(int32_t a, int64_t b, double c) {
    return a + b + (int64_t)c;
}

static void nothing(void) {}

/* What a closure calls: packed arguments, packed results, and what it was made with. */
static void backing(const uint8_t *values, uint8_t *results, void *data) {
    int32_t first, second;
    memcpy(&first, values, 4);
    memcpy(&second, values + 4, 4);
    int32_t sum = first + second + *(int32_t *)data;
    memcpy(results, &sum, 4);
}

int main(void) {
    int64_t (*volatile function)(int32_t, int64_t, double) = mixed;
    void (*volatile empty)(void) = nothing;
    void (*volatile behind)(const uint8_t *, uint8_t *, void *) = backing;
    uint8_t arguments[8] = {9, 9, 9, 9}, results[8] = {9, 9};
    wasix_reflection_t found = {0};
    uint32_t mixed_at = (uint32_t)function, empty_at = (uint32_t)empty;

    report_value("reflect_signature of three", wasix_reflect_signature(mixed_at, arguments, 8, results, 8, &found),
                 "%d(%d %d %d) %d(%d)", found.arguments, arguments[0], arguments[1], arguments[2], found.results,
                 results[0]);
    report_value("reflect_signature of none", wasix_reflect_signature(empty_at, arguments, 8, results, 8, &found),
                 "%d %d", found.arguments, found.results);
    report("reflect_signature too little room", wasix_reflect_signature(mixed_at, arguments, 1, results, 8, &found));
    report_value("reflect_signature says how much", 0, "%d %d", found.arguments, found.results);
    report("reflect_signature no function", wasix_reflect_signature(0, arguments, 8, results, 8, &found));
    report("reflect_signature behind the table", wasix_reflect_signature(999999, arguments, 8, results, 8, &found));
    report("reflect_signature outside of memory", wasix_reflect_signature(mixed_at, arguments, 8, results, 8, OUTSIDE));

    struct __attribute__((packed)) {
        int32_t a;
        int64_t b;
        double c;
    } values = {1, 20, 300.5};
    int64_t sum = 0;
    report_value("call_dynamic strict",
                 wasix_call_dynamic(mixed_at, &values, sizeof values, &sum, sizeof sum, true), "%lld", sum);
    sum = 0;
    report_value("call_dynamic not strict",
                 wasix_call_dynamic(mixed_at, &values, sizeof values, &sum, sizeof sum, false), "%lld", sum);
    report("call_dynamic of nothing", wasix_call_dynamic(empty_at, NULL, 0, NULL, 0, true));
    report("call_dynamic strict, too few arguments",
           wasix_call_dynamic(mixed_at, &values, 4, &sum, sizeof sum, true));
    report("call_dynamic strict, too little room",
           wasix_call_dynamic(mixed_at, &values, sizeof values, &sum, 4, true));
    report("call_dynamic no function", wasix_call_dynamic(0, NULL, 0, NULL, 0, true));
    report("call_dynamic outside of memory", wasix_call_dynamic(mixed_at, OUTSIDE, 20, &sum, sizeof sum, true));

    uint32_t closure = 0;
    static int32_t data = 100;
    const uint8_t types[] = {I32, I32}, bad[] = {77};
    report("closure_allocate one", wasix_closure_allocate(&closure));
    report("closure_allocate outside of memory", wasix_closure_allocate(OUTSIDE));
    error_t error = wasix_closure_prepare((uint32_t)behind, closure, types, 2, types, 1, &data);
    report("closure_prepare one", error);
    int32_t (*made)(int32_t, int32_t) = (int32_t (*)(int32_t, int32_t))closure;
    report_value("closure_prepare is called", error, "%d", error == 0 ? made(2, 3) : 0);
    report("closure_prepare unknown type", wasix_closure_prepare((uint32_t)behind, closure, bad, 1, types, 1, &data));
    report("closure_prepare outside of memory",
           wasix_closure_prepare((uint32_t)behind, closure, OUTSIDE, 2, types, 1, &data));
    report("closure_prepare not a closure",
           wasix_closure_prepare((uint32_t)behind, mixed_at, types, 2, types, 1, &data));
    report("closure_free one", wasix_closure_free(closure));
    report("closure_free twice", wasix_closure_free(closure));
    report("closure_free not a closure", wasix_closure_free(mixed_at));
    return 0;
}
