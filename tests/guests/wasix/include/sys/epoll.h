#ifndef WASIX_SYS_EPOLL_H
#define WASIX_SYS_EPOLL_H

#include <stdint.h>

enum {
    EPOLLIN = 1,
    EPOLLPRI = 2,
    EPOLLOUT = 4,
    EPOLLERR = 8,
    EPOLLHUP = 0x10,
    EPOLLRDHUP = 0x2000,
};
#define EPOLLONESHOT (1u << 30)
#define EPOLLET (1u << 31)
enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD };
#define EPOLL_CLOEXEC 0x40000000

typedef union {
    void *ptr;
    int fd;
    uint32_t u32;
    uint64_t u64;
} epoll_data_t;

struct epoll_event {
    uint32_t events;
    epoll_data_t data;
};

int epoll_create1(int);
int epoll_ctl(int, int, int, struct epoll_event *);
int epoll_wait(int, struct epoll_event *, int, int);

#endif
