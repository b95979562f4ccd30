/*
 * Pipes between children: made when a start names one for the first time, gone from here when both ends were given out.
 */
#ifndef PROCESSKIT_LINKS_H
#define PROCESSKIT_LINKS_H

#include <stdbool.h>
#include <stdint.h>

/* Gives one end of a pipe away: a descriptor to be closed by the caller, or a negative errno. */
long links_take(uint32_t link, bool writing);

/* Closes an end that nobody will ask for. Answers -ENOENT where there is none. */
long links_drop(uint32_t link);

#endif
