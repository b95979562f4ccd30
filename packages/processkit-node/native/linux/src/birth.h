/*
 * What a new process does between its fork and its program: it becomes what the request asks for, and says how far it
 * got. The launcher does the same in the process that it already is.
 */
#ifndef PROCESSKIT_BIRTH_H
#define PROCESSKIT_BIRTH_H

#include <stdint.h>

#include "request.h"
#include "sys.h"

/* What is written to the status pipe: a stage with its errno, or STAGE_EXECUTING with the own pid. */
struct birth_record {
    uint32_t stage;
    int32_t value;
};

struct birth {
    const struct spawn_request *request;
    const char *const *arguments;
    const char *const *environment;
    int streams[3];              /* descriptors to become 0, 1, 2; -1 where none was made beforehand */
    const int *descriptors_made; /* those to become the ones that the request names, in their order */
    int status;                  /* writing end of the status pipe */
    const struct sys_limit *descriptors; /* limit to give back, or null */
    bool takes_terminal;         /* leads the foreground group of the terminal, in the session of its parent */
};

/* Forks, into a cgroup unless that is empty; `*stage` says what failed. */
long birth_fork(const char *cgroup, enum stage *stage);

/* Becomes the program, or reports why not and ends. */
_Noreturn void birth_run(const struct birth *birth);

/* Reports a failure and ends. */
_Noreturn void birth_fail(int status, enum stage stage, long result);

#endif
