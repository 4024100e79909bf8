/* Dynamic linking, of a program that cannot: it was not built to be linked with. */
#include "wasix.h"

int main(void) {
    char error[256] = {0};
    uint32_t handle = 0, address = 0;
    report("dlopen missing", wasix_dlopen(TEXT("/missing.so"), 2, error, sizeof error, TEXT(""), &handle));
    report("dlopen outside of memory", wasix_dlopen(OUTSIDE, 64, 2, error, sizeof error, TEXT(""), &handle));
    report("dlsym unknown handle", wasix_dlsym(99, TEXT("x"), error, sizeof error, &address));
    report("dl_invalid_handle unknown", wasix_dl_invalid_handle(99));
    return 0;
}
