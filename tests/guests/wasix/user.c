/* Users: there is one, who may do everything. */
#include "shim.h"
#include <pwd.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

static struct passwd root = {"root", "", 0, 0, "", "/root", "/bin/sh"};

struct passwd *getpwnam(const char *name) {
    return strcmp(name, root.pw_name) == 0 ? &root : NULL;
}

struct passwd *getpwuid(uid_t user) {
    return user == root.pw_uid ? &root : NULL;
}

uid_t getuid(void) {
    return 0;
}

uid_t geteuid(void) {
    return 0;
}

gid_t getgid(void) {
    return 0;
}

gid_t getegid(void) {
    return 0;
}

int setuid(uid_t user) {
    return user == 0 ? 0 : result(EPERM);
}

int setgid(gid_t group) {
    return group == 0 ? 0 : result(EPERM);
}

int getgroups(int count, gid_t groups[]) {
    if (count > 0) groups[0] = 0;
    return 1;
}

/* WASI's files have no modes: it is only remembered. */
mode_t umask(mode_t mask) {
    static mode_t current = 022;
    mode_t before = current;
    current = mask & 0777;
    return before;
}
