/*
 * The queue of pipe ends on their way to the owner, over the channel that Node opens for a child with `stdio: "ipc"`.
 *
 * Node receives a descriptor with a line of JSON. A line may leave in pieces, and the descriptor belongs to its first
 * byte. The queue holds the ends of one start: no other is begun while it is not empty, so that no process is ever
 * forked with an end in it that is on its way to the owner.
 */
#ifndef PROCESSKIT_HANDLES_H
#define PROCESSKIT_HANDLES_H

#include <stdbool.h>
#include <stdint.h>

enum handles_state { HANDLES_SENT, HANDLES_WAITING, HANDLES_LATER, HANDLES_BROKEN };

/* Takes over `fd`, our end of stream `index` of start `id`. */
void handles_add(uint32_t id, unsigned index, int fd);
bool handles_are_sent(void);

/* Sends what the channel takes. LATER: too many descriptors are in flight, try again in a while. */
enum handles_state handles_flush(int channel);

/* Reads and drops what Node writes, which are acknowledgements. Answers false at end of file. */
bool handles_drain(int channel);

#endif
