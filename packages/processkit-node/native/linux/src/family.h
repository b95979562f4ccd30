/*
 * The descendants of one process, found through /proc/PID/task/TID/children and signalled by identity.
 *
 * A list read from /proc is out of date at once. So everything here is repeated until a pass finds nobody new, or until the
 * time for it is over, since somebody who forks and ends all the time is somebody new in every pass. A signal goes through
 * a pidfd that was opened before the kernel was asked whose child the process is: a number that was given to a stranger
 * meanwhile is not signalled.
 */
#ifndef PROCESSKIT_FAMILY_H
#define PROCESSKIT_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

/* Answers whether a direct child of the root is to be left out, with its descendants. */
typedef bool family_skip(int pid);

struct sweep {
    unsigned reached; /* members that were alive and signalled */
    unsigned found;   /* members that were listed, zombies included */
    int error;        /* errno of the last signal that was refused, or 0 */
};

/* Whether this kernel lists children; without it nothing else here finds anybody. */
bool family_is_supported(void);

/* Signals every descendant of `root` once, `root` not included, for up to two seconds. `skip` may be null. */
struct sweep family_signal(int root, int number, family_skip *skip);

/* Stops every descendant until all that can be are seen stopped and nobody new is found, for up to `patience` milliseconds. */
struct sweep family_stop(int root, int patience, family_skip *skip);

/* Stops and then kills every descendant, for some hundredths of a second. To be repeated until nobody is left. */
struct sweep family_kill(int root, family_skip *skip);

/* Lists the living descendants of `root`; answers how many there are, and calls `visit` for each. */
unsigned family_list(int root, void (*visit)(int pid, void *context), void *context);

#endif
