/*
 * Starting a child, as seen by the host.
 */
#ifndef PROCESSKIT_SPAWN_H
#define PROCESSKIT_SPAWN_H

#include "request.h"

/* Starts what was asked for. A failure that is known at once is reported at once, the others by the status pipe. */
void spawn(const struct spawn_request *request);

#endif
