/* wasi-libc's, with the flag and the commands for descriptors that are closed on exec. */
#ifndef WASIX_FCNTL_H
#define WASIX_FCNTL_H

#include_next <fcntl.h>

#undef O_CLOEXEC
#define O_CLOEXEC 0x40000000
#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030

int open(const char *, int, ...) __asm__("wasix_posix_open");
int fcntl(int, int, ...) __asm__("wasix_posix_fcntl");

#endif
