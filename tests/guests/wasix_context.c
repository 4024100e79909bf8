/* Contexts: stacks of their own. */
#include "wasix.h"

static uint64_t main_context = 0, first, second;
static char order[16];

static void visit(char who) {
    order[strlen(order)] = who;
}

static void run_second(void) {
    visit('2');
    must(wasix_context_switch(first));
    visit('4');
    must(wasix_context_switch(main_context));
}

static void run_first(void) {
    visit('1');
    must(wasix_context_switch(second));
    visit('3');
    must(wasix_context_switch(second));
}

int main(void) {
    void (*volatile entry)(void) = run_first;
    error_t error = wasix_context_create(&first, entry);
    report("context_create one", error);
    if (error != 0) {
        report("context_switch without any", wasix_context_switch(1));
        report("context_destroy without any", wasix_context_destroy(1));
        return 0;
    }
    must(wasix_context_create(&second, run_second));
    report_value("context_switch and back", wasix_context_switch(first), "%s", order);
    report("context_destroy one", wasix_context_destroy(first));
    report("context_switch destroyed", wasix_context_switch(first));
    report("context_switch unknown", wasix_context_switch(9999));
    report("context_destroy main", wasix_context_destroy(main_context));
    report("context_destroy unknown", wasix_context_destroy(9999));
    report("context_create outside of memory", wasix_context_create(OUTSIDE, entry));
    return 0;
}
