/* wasi-libc's, and what of POSIX it leaves out for lack of processes. */
#ifndef WASIX_UNISTD_H
#define WASIX_UNISTD_H

#include_next <unistd.h>

/* wasi-libc's own, which know no processes, keep their names in the object files. */
int chdir(const char *) __asm__("wasix_posix_chdir");
pid_t getpid(void) __asm__("wasix_posix_getpid");

pid_t fork(void);
pid_t vfork(void) __attribute__((returns_twice));
int execve(const char *, char *const[], char *const[]);
int execv(const char *, char *const[]);
int execvp(const char *, char *const[]);
int execl(const char *, const char *, ...);
pid_t getppid(void);
pid_t getpgrp(void);
pid_t getpgid(pid_t);
int setpgid(pid_t, pid_t);
pid_t tcgetpgrp(int);
int tcsetpgrp(int, pid_t);
uid_t getuid(void);
uid_t geteuid(void);
gid_t getgid(void);
gid_t getegid(void);
int setuid(uid_t);
int setgid(gid_t);
int getgroups(int, gid_t[]);
int dup(int);
int dup2(int, int);
int pipe(int[2]);
int pipe2(int[2], int);
unsigned alarm(unsigned);
int pause(void);
char *ttyname(int);

#endif
