/*
 * The yardstick of the series `teardown`: what ending a tree costs somebody who does nothing else.
 *
 *   teardown tree N         starts N processes that sleep, says so, and sleeps: N + 1 processes
 *   teardown kill DIR N     has the same tree born in a new cgroup DIR, kills it, waits until the kernel says that it is
 *                           empty, removes DIR, and prints how many nanoseconds that took
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void need(int holds, const char *what)
{
    if (holds) return;
    perror(what);
    exit(1);
}

static void be_tree(int count)
{
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        need(pid >= 0, "fork");
        if (pid == 0) for (;;) pause();
    }
    need(write(1, "ready\n", 6) == 6, "write");
    for (;;) pause();
}

static void start_tree(const char *directory, int count)
{
    int ends[2];
    char ready[6];
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    need(fd >= 0 && pipe(ends) == 0, "cgroup");
    struct clone_args arguments = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    need(pid >= 0, "clone3");
    if (pid == 0) {
        need(dup2(ends[1], 1) == 1, "dup2");
        be_tree(count);
    }
    need(read(ends[0], ready, sizeof ready) == sizeof ready, "read");
    close(fd);
}

static int is_populated(int events)
{
    char text[128] = {0};
    need(pread(events, text, sizeof text - 1, 0) > 0, "cgroup.events");
    return strstr(text, "populated 1") != NULL;
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int open_in(const char *directory, const char *name, int flags)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, flags | O_CLOEXEC);
    need(fd >= 0, name);
    return fd;
}

static void kill_tree(const char *directory)
{
    int64_t start = nanoseconds();
    int events = open_in(directory, "cgroup.events", O_RDONLY);
    int kill = open_in(directory, "cgroup.kill", O_WRONLY);
    need(write(kill, "1", 1) == 1, "cgroup.kill");
    while (is_populated(events)) {
        struct pollfd change = {events, POLLPRI, 0};
        poll(&change, 1, 1000);
    }
    need(rmdir(directory) == 0, "rmdir");
    printf("%lld\n", (long long)(nanoseconds() - start));
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "tree") == 0) be_tree(atoi(words[2]));
    need(count == 4 && strcmp(words[1], "kill") == 0, "usage: teardown tree N | kill DIR N");
    need(mkdir(words[2], 0700) == 0, "mkdir");
    start_tree(words[2], atoi(words[3]));
    kill_tree(words[2]);
    return 0;
}
