#ifndef WASIX_SYS_EVENTFD_H
#define WASIX_SYS_EVENTFD_H

#include <stdint.h>

enum { EFD_SEMAPHORE = 1, EFD_NONBLOCK = 4, EFD_CLOEXEC = 0x40000000 };
typedef uint64_t eventfd_t;

int eventfd(unsigned, int);

#endif
