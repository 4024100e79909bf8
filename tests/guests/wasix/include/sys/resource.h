#ifndef WASIX_SYS_RESOURCE_H
#define WASIX_SYS_RESOURCE_H

#include_next <sys/resource.h>

typedef unsigned long long rlim_t;
struct rlimit {
    rlim_t rlim_cur, rlim_max;
};
#undef RLIM_INFINITY
#define RLIM_INFINITY (~0ULL)

#endif
