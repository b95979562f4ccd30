/*
 * The kernel, without a C library: raw system calls that answer with a negative errno.
 *
 * The program is static and freestanding, so that one file runs on every Linux whatever its C library is.
 */
#ifndef PROCESSKIT_SYS_H
#define PROCESSKIT_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signalfd.h>
#include <linux/uio.h>
#include <linux/wait.h>

/* Fallbacks for numbers that old headers lack; both architectures share them. */
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#define __NR_pidfd_send_signal 424
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif

#if defined(__clang_analyzer__)
long sys_call(long n, long a, long b, long c, long d, long e, long f); /* it looks into calls, and not into assembler */
#elif defined(__x86_64__)
static inline long sys_call(long n, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long sys_call(long n, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "this architecture has no system call stub"
#endif

#define SYS_6(n, a, b, c, d, e, f) \
    sys_call((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS_5(n, a, b, c, d, e) SYS_6(n, a, b, c, d, e, 0)
#define SYS_4(n, a, b, c, d) SYS_6(n, a, b, c, d, 0, 0)
#define SYS_3(n, a, b, c) SYS_6(n, a, b, c, 0, 0, 0)
#define SYS_2(n, a, b) SYS_6(n, a, b, 0, 0, 0, 0)
#define SYS_1(n, a) SYS_6(n, a, 0, 0, 0, 0, 0)
#define SYS_0(n) SYS_6(n, 0, 0, 0, 0, 0, 0)

/* Structures of the system call interface that the exported headers leave to the C library. */
struct sys_message {
    void *name;
    uint32_t name_size;
    struct iovec *parts;
    size_t part_count;
    void *control;
    size_t control_size;
    uint32_t flags;
};

struct sys_control {
    size_t size;
    int level;
    int type;
    int descriptor;
    int padding; /* the kernel reads whole words */
};

struct sys_action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

struct sys_time {
    long seconds;
    long nanoseconds;
};

struct sys_poll {
    int fd;
    short events;
    short happened;
};

struct sys_limit {
    uint64_t soft;
    uint64_t hard;
};

struct sys_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

#define SYS_AF_UNIX 1
#define SYS_SOCK_STREAM 1
#define SYS_SOCK_SEQPACKET 5
#define SYS_SOCK_CLOEXEC 02000000
#define SYS_SOCK_NONBLOCK 04000
#define SYS_SOL_SOCKET 1
#define SYS_SCM_RIGHTS 1
#define SYS_MSG_DONTWAIT 0x40
#define SYS_MSG_NOSIGNAL 0x4000
#define SYS_DT_DIR 4
#define SYS_POLLIN 1
#define SYS_POLLOUT 4
#define SYS_POLLERR 8
#define SYS_POLLHUP 16
#define SYS_EVERY_SIGNAL (~(uint64_t)0)
#define SYS_SIGNALS 64

static inline long sys_read(int fd, void *to, size_t size) { return SYS_3(__NR_read, fd, to, size); }
static inline long sys_write(int fd, const void *from, size_t size) { return SYS_3(__NR_write, fd, from, size); }
static inline long sys_close(int fd) { return SYS_1(__NR_close, fd); }
static inline long sys_open(const char *path, int flags, uint32_t mode)
{
    return SYS_4(__NR_openat, AT_FDCWD, path, flags, mode);
}
static inline long sys_open_at(int dir, const char *path, int flags) { return SYS_4(__NR_openat, dir, path, flags, 0); }
static inline long sys_pipe(int ends[2], int flags) { return SYS_2(__NR_pipe2, ends, flags); }
static inline long sys_dup_to(int from, int to, int flags) { return SYS_3(__NR_dup3, from, to, flags); }
static inline long sys_fcntl(int fd, int what, long value) { return SYS_3(__NR_fcntl, fd, what, value); }
static inline long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    return SYS_3(__NR_close_range, first, last, flags);
}
static inline long sys_kill(int pid, int number) { return SYS_2(__NR_kill, pid, number); }
static inline long sys_getpid(void) { return SYS_0(__NR_getpid); }
static inline long sys_prctl(int what, unsigned long value) { return SYS_5(__NR_prctl, what, value, 0, 0, 0); }
static inline long sys_fork(void) { return SYS_5(__NR_clone, SIGCHLD, 0, 0, 0, 0); }
static inline long sys_wait(int pid, int *status, int options, struct rusage *usage)
{
    return SYS_4(__NR_wait4, pid, status, options, usage);
}
static inline long sys_set_mask(uint64_t blocked)
{
    return SYS_4(__NR_rt_sigprocmask, SIG_SETMASK, &blocked, 0, sizeof blocked);
}
static inline long sys_poll(struct sys_poll *entries, unsigned count, int milliseconds)
{
    struct sys_time limit = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    return SYS_5(__NR_ppoll, entries, count, milliseconds < 0 ? 0 : &limit, 0, sizeof(uint64_t));
}
static inline void sys_sleep(int milliseconds)
{
    struct sys_time length = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    (void)SYS_2(__NR_nanosleep, &length, 0);
}
static inline long sys_milliseconds(void)
{
    struct sys_time now = {0, 0};
    (void)SYS_2(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
    return now.seconds * 1000 + now.nanoseconds / 1000000;
}
_Noreturn static inline void sys_exit(int code)
{
    for (;;) (void)SYS_1(__NR_exit_group, code);
}

#endif
