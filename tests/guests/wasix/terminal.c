/* The terminal. */
#include "shim.h"
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static bool is_terminal(int fd) {
    return isatty(fd) == 1;
}

int tcgetattr(int fd, struct termios *modes) {
    wasix_tty_t state;
    if (!is_terminal(fd)) return -1;
    int32_t error = wasix_tty_get(&state);
    if (error != 0) return result(error);
    *modes = (struct termios){.c_iflag = ICRNL, .c_oflag = OPOST | ONLCR, .c_lflag = ISIG};
    if (state.echo) modes->c_lflag |= ECHO;
    if (state.line_buffered) modes->c_lflag |= ICANON;
    modes->c_cc[VMIN] = 1;
    return 0;
}

int tcsetattr(int fd, int when, const struct termios *modes) {
    (void)when;
    wasix_tty_t state;
    if (!is_terminal(fd)) return -1;
    int32_t error = wasix_tty_get(&state);
    if (error != 0) return result(error);
    state.echo = (modes->c_lflag & ECHO) != 0;
    state.line_buffered = (modes->c_lflag & ICANON) != 0;
    return result(wasix_tty_set(&state));
}

void cfmakeraw(struct termios *modes) {
    modes->c_iflag &= ~ICRNL;
    modes->c_oflag &= ~OPOST;
    modes->c_lflag &= ~(ECHO | ICANON | ISIG);
}

char *ttyname(int fd) {
    return is_terminal(fd) ? "/dev/tty" : NULL;
}

int libc_ioctl(int fd, int request, ...) __asm__("ioctl");

int ioctl(int fd, int request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (request != TIOCGWINSZ) return libc_ioctl(fd, request, argument);
    wasix_tty_t state;
    if (!is_terminal(fd)) return -1;
    int32_t error = wasix_tty_get(&state);
    if (error != 0) return result(error);
    *(struct winsize *)argument = (struct winsize){state.rows, state.cols, state.width, state.height};
    return 0;
}
