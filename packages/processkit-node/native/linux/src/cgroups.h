/*
 * The cgroup directories that are emptied and removed when the owner dies.
 */
#ifndef PROCESSKIT_CGROUPS_H
#define PROCESSKIT_CGROUPS_H

#include <stdbool.h>

/* Takes a directory into care, or out of it. Both answer 0 or a negative errno, and are idempotent. */
long cgroups_guard(const char *path);
long cgroups_release(const char *path);

/* Kills everybody in the directories and below. */
void cgroups_kill(void);

/* Removes the directories and what is below; answers whether all are gone. */
bool cgroups_remove(void);

/* Joins the calling process to a directory. */
long cgroups_join(const char *path);

#endif
