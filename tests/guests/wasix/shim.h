/* What the parts of the shim share. */
#ifndef SHIM_H
#define SHIM_H

#include <errno.h>
#include <wasix.h>

/* The convention of POSIX: -1 and errno for an error. */
static inline int result(int32_t error) {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

static inline uint32_t count_strings(char *const strings[]) {
    uint32_t count = 0;
    while (strings && strings[count]) count++;
    return count;
}

/* How many programs' dispositions there are to pass on to a new process, and they. */
uint32_t ignored_signals(wasix_disposition_t dispositions[64]);

/* A child of vfork has its parent's memory: what it does to its signals is undone for the parent. */
void keep_signals(void);
void restore_signals(void);

/* Changes when a handler is called. A wait that ends with EINTR without that has been for a signal which
 * is ignored. */
uint32_t handlers_begun(void);

#endif
