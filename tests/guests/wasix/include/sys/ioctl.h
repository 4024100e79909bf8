#ifndef WASIX_SYS_IOCTL_H
#define WASIX_SYS_IOCTL_H

#include_next <sys/ioctl.h>

#define TIOCGWINSZ 0x5413

int ioctl(int, int, ...) __asm__("wasix_posix_ioctl");

struct winsize {
    unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel;
};

#endif
