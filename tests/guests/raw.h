/* The calls with a path as wasm imports them: pointer and length apart, so that a path may hold
 * anything, and every pointer may point anywhere. */
#ifndef RAW_H
#define RAW_H

#include "case.h"

#define IMPORT(function) \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#function)))
typedef uint32_t pointer_t;

IMPORT(args_get) int32_t raw_args_get(pointer_t argv, pointer_t buffer);
IMPORT(args_sizes_get) int32_t raw_args_sizes_get(pointer_t count, pointer_t size);
IMPORT(environ_get) int32_t raw_environ_get(pointer_t environ, pointer_t buffer);
IMPORT(environ_sizes_get) int32_t raw_environ_sizes_get(pointer_t count, pointer_t size);
IMPORT(clock_res_get) int32_t raw_clock_res_get(uint32_t id, pointer_t out);
IMPORT(clock_time_get) int32_t raw_clock_time_get(uint32_t id, uint64_t precision, pointer_t out);
IMPORT(fd_advise) int32_t raw_fd_advise(fd_t fd, uint64_t offset, uint64_t length, uint32_t advice);
IMPORT(fd_fdstat_get) int32_t raw_fd_fdstat_get(fd_t fd, pointer_t out);
IMPORT(fd_fdstat_set_flags) int32_t raw_fd_fdstat_set_flags(fd_t fd, uint32_t flags);
IMPORT(fd_filestat_get) int32_t raw_fd_filestat_get(fd_t fd, pointer_t out);
IMPORT(fd_filestat_set_times)
int32_t raw_fd_filestat_set_times(fd_t fd, uint64_t atim, uint64_t mtim, uint32_t fst_flags);
IMPORT(fd_pread) int32_t raw_fd_pread(fd_t fd, pointer_t iovs, uint32_t count, uint64_t offset, pointer_t out);
IMPORT(fd_prestat_get) int32_t raw_fd_prestat_get(fd_t fd, pointer_t out);
IMPORT(fd_prestat_dir_name) int32_t raw_fd_prestat_dir_name(fd_t fd, pointer_t path, uint32_t length);
IMPORT(fd_pwrite) int32_t raw_fd_pwrite(fd_t fd, pointer_t iovs, uint32_t count, uint64_t offset, pointer_t out);
IMPORT(fd_read) int32_t raw_fd_read(fd_t fd, pointer_t iovs, uint32_t count, pointer_t out);
IMPORT(fd_readdir) int32_t raw_fd_readdir(fd_t fd, pointer_t buffer, uint32_t size, uint64_t cookie, pointer_t out);
IMPORT(fd_seek) int32_t raw_fd_seek(fd_t fd, int64_t offset, uint32_t whence, pointer_t out);
IMPORT(fd_tell) int32_t raw_fd_tell(fd_t fd, pointer_t out);
IMPORT(fd_write) int32_t raw_fd_write(fd_t fd, pointer_t iovs, uint32_t count, pointer_t out);
IMPORT(path_create_directory) int32_t raw_path_create_directory(fd_t fd, pointer_t path, uint32_t length);
IMPORT(path_filestat_get)
int32_t raw_path_filestat_get(fd_t fd, uint32_t flags, pointer_t path, uint32_t length, pointer_t out);
IMPORT(path_filestat_set_times)
int32_t raw_path_filestat_set_times(fd_t fd, uint32_t flags, pointer_t path, uint32_t length, uint64_t atim,
                                    uint64_t mtim, uint32_t fst_flags);
IMPORT(path_link)
int32_t raw_path_link(fd_t old_fd, uint32_t old_flags, pointer_t old_path, uint32_t old_length, fd_t new_fd,
                      pointer_t new_path, uint32_t new_length);
IMPORT(path_open)
int32_t raw_path_open(fd_t fd, uint32_t dirflags, pointer_t path, uint32_t length, uint32_t oflags, uint64_t base,
                      uint64_t inheriting, uint32_t fdflags, pointer_t out);
IMPORT(path_readlink)
int32_t raw_path_readlink(fd_t fd, pointer_t path, uint32_t length, pointer_t buffer, uint32_t size, pointer_t out);
IMPORT(path_remove_directory) int32_t raw_path_remove_directory(fd_t fd, pointer_t path, uint32_t length);
IMPORT(path_rename)
int32_t raw_path_rename(fd_t fd, pointer_t old_path, uint32_t old_length, fd_t new_fd, pointer_t new_path,
                        uint32_t new_length);
IMPORT(path_symlink)
int32_t raw_path_symlink(pointer_t old_path, uint32_t old_length, fd_t fd, pointer_t new_path, uint32_t new_length);
IMPORT(path_unlink_file) int32_t raw_path_unlink_file(fd_t fd, pointer_t path, uint32_t length);
IMPORT(poll_oneoff) int32_t raw_poll_oneoff(pointer_t in, pointer_t out, uint32_t count, pointer_t n);
IMPORT(proc_raise) int32_t raw_proc_raise(uint32_t signal);
IMPORT(random_get) int32_t raw_random_get(pointer_t buffer, uint32_t size);
IMPORT(sock_accept) int32_t raw_sock_accept(fd_t fd, uint32_t flags, pointer_t out);
IMPORT(sock_recv)
int32_t raw_sock_recv(fd_t fd, pointer_t iovs, uint32_t count, uint32_t flags, pointer_t n, pointer_t out_flags);
IMPORT(sock_send) int32_t raw_sock_send(fd_t fd, pointer_t iovs, uint32_t count, uint32_t flags, pointer_t n);

#define POINTER(address) ((pointer_t)(uintptr_t)(address))

#endif
