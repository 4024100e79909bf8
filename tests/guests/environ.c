/* environ_sizes_get, environ_get. Started with four variables: one plain, one empty, one whose
 * value has an equals sign, one outside ASCII. */
#include "case.h"

int main(void) {
    __wasi_size_t count = 0, size = 0;
    error_t error = __wasi_environ_sizes_get(&count, &size);
    report_value("environ_sizes_get count", error, "%zu", count);

    static uint8_t *variables[64];
    static uint8_t buffer[8192];
    if (count > 63 || size >= sizeof buffer) {
        print("setup environment too large -> 2big\n");
        return 0;
    }
    memset(buffer, 0xff, sizeof buffer);
    error = __wasi_environ_get(variables, buffer);
    report_value("environ_get count matches", error, "%d", variables[count] == NULL);
    size_t total = 0;
    bool inside = true;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen((char *)variables[i]);
        total += length + 1;
        inside = inside && variables[i] >= buffer && variables[i] + length < buffer + size;
    }
    /* The order is not promised. */
    static const char *const names[] = {"PLAIN=", "EMPTY=", "EQUALS=", "UNICODE="};
    for (size_t n = 0; n < 4; n++)
        for (size_t i = 0; i < count; i++)
            if (strncmp((char *)variables[i], names[n], strlen(names[n])) == 0) {
                char name[64];
                snprintf(name, sizeof name, "environ_get variable %zu", n);
                report_value(name, error, "[%s]", (char *)variables[i]);
            }
    report_value("environ_get inside the buffer", error, "%d", inside);
    report_value("environ_sizes_get size counts the ends", error, "%d", total == size);
    report_value("environ_get writes no further", error, "%d", buffer[size] == 0xff);
    return 0;
}
