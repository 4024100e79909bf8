/* random_get. */
#include "raw.h"

static uint8_t first[100000], second[100000];

static bool all_zero(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0) return false;
    return true;
}

int main(void) {
    report("random_get zero length", __wasi_random_get(first, 0));
    report_value("random_get zero length writes nothing", 0, "%d", first[0] == 0);

    report("random_get no bytes nowhere", (error_t)raw_random_get(0xfffffff0, 0));

    error_t error = __wasi_random_get(first, 32);
    report_value("random_get is not all zero", error, "%d", !all_zero(first, 32));
    report_value("random_get writes no further", error, "%d", all_zero(first + 32, 32));
    error = __wasi_random_get(second, 32);
    report_value("random_get differs each time", error, "%d", memcmp(first, second, 32) != 0);

    /* More than the 65536 bytes a web page's crypto.getRandomValues gives at once. */
    error = __wasi_random_get(first, sizeof first);
    bool filled = true;
    for (size_t at = 0; at + 100 <= sizeof first; at += 100)
        filled = filled && !all_zero(first + at, 100);
    report_value("random_get fills a large buffer", error, "%d", filled);

    /* 100000 uniform bytes have every value, and no value anywhere near one in sixteen. */
    size_t counts[256] = {0};
    for (size_t i = 0; i < sizeof first; i++) counts[first[i]]++;
    bool even = true;
    for (int value = 0; value < 256; value++)
        even = even && counts[value] > 0 && counts[value] < sizeof first / 16;
    report_value("random_get uses every value", error, "%d", even);
    return 0;
}
