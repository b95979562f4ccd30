/*
 * What becomes of children: the outcome of a start, exits, and trees whose monitor was lost.
 */
#ifndef PROCESSKIT_FATE_H
#define PROCESSKIT_FATE_H

#include <stdbool.h>
#include <stdint.h>

/* The status pipe of a start has something to say. */
void fate_of_start(uint32_t id);

/* A monitor has something to say. */
void fate_from_monitor(uint32_t id);

/* Reaps who has ended, some at a time and as far as there is room for the news. Answers whether that were all. */
bool fate_reap(void);

/* Ends what lost monitors left behind; to be called again while `host.lost` is not 0. */
void fate_sweep(void);

#endif
