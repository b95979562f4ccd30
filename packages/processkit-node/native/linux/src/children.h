/*
 * The table of children: who was started under which number, found by that number and by pid in constant time.
 */
#ifndef PROCESSKIT_CHILDREN_H
#define PROCESSKIT_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroups.h"

struct child {
    uint32_t id;
    int pid;          /* the leader; 0 in monitored mode until it is known */
    int process;      /* what this host waits for: the leader itself, or its monitor */
    int status;       /* reading end of the status pipe; -1 once the outcome of the start is known */
    int channel;      /* to the monitor; -1 in direct mode */
    uint16_t handles; /* pipe ends that were sent to the owner */
    bool started;     /* execve succeeded, as far as the status pipe tells */
    bool exited;      /* the leader's exit was reported */
    bool emptied;     /* the monitor said that nobody is left */
    bool orphaned;    /* the monitor died before its tree */
    uint16_t stage;   /* how far the start came, once that is known */
    int32_t error;    /* errno of a failed start */
    uint16_t next_by_id;
    uint16_t next_by_process;
    struct cgroup_place cgroup; /* made for this child alone */
};

/* Gives a new entry; null where the table is full or the number is in use. */
struct child *children_add(uint32_t id);
/* Makes an entry findable by the process that the host waits for. */
void children_name(struct child *child, int process);
/* Forgets the process and keeps the entry, whose tree is still to be ended. */
void children_orphan(struct child *child);
void children_remove(struct child *child);

struct child *children_by_id(uint32_t id);
struct child *children_by_process(int process);

unsigned children_count(void);
/* Walks the table: start with null. */
struct child *children_next(const struct child *child);

#endif
