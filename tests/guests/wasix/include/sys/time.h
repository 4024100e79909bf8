#ifndef WASIX_SYS_TIME_H
#define WASIX_SYS_TIME_H

#include_next <sys/time.h>

enum { ITIMER_REAL };

struct itimerval {
    struct timeval it_interval, it_value;
};

int setitimer(int, const struct itimerval *, struct itimerval *);

#endif
