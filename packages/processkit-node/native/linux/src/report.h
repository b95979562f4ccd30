/*
 * The events that more than one role sends.
 */
#ifndef PROCESSKIT_REPORT_H
#define PROCESSKIT_REPORT_H

#include "outbox.h"
#include "protocol.h"
#include "sys.h"

/* An event that names a child and nothing else. */
void report_id(struct event *event, enum event_type type, uint32_t id);
void report_done(struct event *event, uint32_t token, int error, unsigned count);
void report_exited(struct event *event, uint32_t id, int status, const struct rusage *usage, enum own_cgroup cgroup);

#endif
