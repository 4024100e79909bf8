/* args_sizes_get, args_get. Started with `scratch`, an empty argument, one with a space and one
 * with characters outside ASCII. */
#include "case.h"

int main(void) {
    __wasi_size_t count = 0, size = 0;
    error_t error = __wasi_args_sizes_get(&count, &size);
    report_value("args_sizes_get count", error, "%zu", count);

    static uint8_t *arguments[16];
    static uint8_t buffer[4096];
    if (count > 16 || size > sizeof buffer) {
        print("setup arguments too large -> 2big\n");
        return 0;
    }
    memset(buffer, 0xff, sizeof buffer);
    error = __wasi_args_get(arguments, buffer);
    report_value("args_get count matches", error, "%d", arguments[count] == NULL);

    /* argv[0] is the program's name, which is the host's business. */
    size_t total = 0;
    bool inside = true, packed = true;
    uint8_t *expected = buffer;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen((char *)arguments[i]);
        total += length + 1;
        inside = inside && arguments[i] >= buffer && arguments[i] + length < buffer + size;
        packed = packed && arguments[i] == expected;
        expected = arguments[i] + length + 1;
        char name[64];
        snprintf(name, sizeof name, "args_get argument %zu", i);
        if (i > 0) report_value(name, error, "[%s]", (char *)arguments[i]);
    }
    report_value("args_get inside the buffer", error, "%d", inside);
    report_value("args_get one after the other", error, "%d", packed);
    report_value("args_sizes_get size counts the ends", error, "%d", total == size);
    report_value("args_get writes no further", error, "%d", buffer[size] == 0xff);
    return 0;
}
