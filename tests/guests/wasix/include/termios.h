/* Of a terminal's modes, those that WASIX has: echo, and whether lines are edited. */
#ifndef WASIX_TERMIOS_H
#define WASIX_TERMIOS_H

#define NCCS 32
typedef unsigned tcflag_t, speed_t;
typedef unsigned char cc_t;

struct termios {
    tcflag_t c_iflag, c_oflag, c_cflag, c_lflag;
    cc_t c_cc[NCCS];
};

enum { ICRNL = 0400, OPOST = 1, ONLCR = 4, ISIG = 1, ICANON = 2, ECHO = 010 };
enum { TCSANOW, TCSADRAIN, TCSAFLUSH };
enum { VTIME = 5, VMIN = 6 };

int tcgetattr(int, struct termios *);
int tcsetattr(int, int, const struct termios *);
void cfmakeraw(struct termios *);

#endif
