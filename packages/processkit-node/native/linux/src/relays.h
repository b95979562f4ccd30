/*
 * Output that the host reads itself and tells the owner: what a child writes first, and its end.
 *
 * Most programs print little and end soon, and for those a pipe that travels to the owner costs more than the run. So the
 * host tells up to RELAY_MAX bytes of a stream. What writes more than that, or is in the way of a newer one, gets the
 * other treatment: the owner is told so, and gets our end of the pipe with everything that is still in it.
 */
#ifndef PROCESSKIT_RELAYS_H
#define PROCESSKIT_RELAYS_H

#include <stdbool.h>
#include <stdint.h>

/* Leaves most of so many descriptors to others; to be called before the first output. */
void relays_spare(uint64_t descriptors);

/* Takes over `fd`, our end of stream `index` of child `id`. May hand over another one, so the queue of handles is empty. */
void relays_add(uint32_t id, unsigned index, int fd);

/* Tells what there is to read; `ended` where nobody writes any more. */
void relays_read(uint32_t slot, bool ended);

/* Tells what child `id` has written, so that the news of its end comes after it: an owner that knows of the end does not
 * wait for output for long. */
void relays_catch_up(uint32_t id);

/* Hands over a pipe that was told as far as it goes; answers whether there was one. Called with an empty queue of handles. */
bool relays_hand_over(void);

/* Closes one stream of a child, or all of them. */
long relays_close(uint32_t id, unsigned index);
void relays_forget(uint32_t id);
void relays_close_all(void);

#endif
