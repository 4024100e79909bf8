#ifndef WASIX_PATHS_H
#define WASIX_PATHS_H

#define _PATH_BSHELL "/bin/sh"
#define _PATH_DEVNULL "/dev/null"
#define _PATH_TTY "/dev/tty"
#define _PATH_STDPATH "/usr/local/bin:/bin:/usr/bin"

#endif
