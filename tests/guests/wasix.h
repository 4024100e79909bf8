/* What the guests share that call WASIX as it is imported. See `case.h` for the printed lines. */
#ifndef WASIX_GUEST_H
#define WASIX_GUEST_H

#include "case.h"
#include "wasix/include/wasix.h"

/* An address behind the end of memory. */
#define OUTSIDE ((void *)0xfffffff0u)
#define TEXT(text) (text), strlen(text)

/* The directory that argv[1] names, from the root. */
static fd_t scratch_below_root(int argc, char **argv) {
    fd_t root = find_preopen("/");
    return root < 0 || argc < 2 ? -1 : open_dir(root, argv[1] + 1);
}

#endif
