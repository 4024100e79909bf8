#ifndef WASIX_SYS_STAT_H
#define WASIX_SYS_STAT_H

#include_next <sys/stat.h>

mode_t umask(mode_t);

#endif
