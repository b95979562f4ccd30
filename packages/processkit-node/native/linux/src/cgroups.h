/*
 * The cgroup directories that are emptied and removed when the owner dies.
 */
#ifndef PROCESSKIT_CGROUPS_H
#define PROCESSKIT_CGROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

/* Takes a directory into care, or out of it. Both answer 0 or a negative errno, and are idempotent. */
long cgroups_guard(const char *path);
long cgroups_release(const char *path);

/* Kills everybody in the directories and below. */
void cgroups_kill(void);

/* Removes the directories and what is below; answers whether all are gone. */
bool cgroups_remove(void);

/*
 * The cgroup of one child alone, directly or further below a directory in care. `place` remembers it in few bytes, so
 * that it can be removed when the child has ended; that fails as long as somebody is in it.
 */
struct cgroup_place {
    uint32_t guard; /* the number of the directory in care; 0: none */
    char name[OWN_CGROUP_MAX];
};

long cgroups_make(struct cgroup_place *place, const char *path);
bool cgroups_unmake(const struct cgroup_place *place);

/* Joins the calling process to a directory. */
long cgroups_join(const char *path);

#endif
