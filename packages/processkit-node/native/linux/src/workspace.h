/*
 * The one large piece of memory: what was received and not yet handled, and the vectors of one start. Mapped once,
 * touched as far as messages are long, and given back to the kernel after a long one.
 */
#ifndef PROCESSKIT_WORKSPACE_H
#define PROCESSKIT_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define INPUT_SIZE ((size_t)MESSAGE_MAX + 4)
#define VECTOR_SIZE ((size_t)STRINGS_MAX + 2)

struct workspace {
    const char *vector[VECTOR_SIZE];
    uint8_t input[INPUT_SIZE];
};

bool workspace_map(void);
struct workspace *workspace_get(void);
/* Forgets the contents behind the first `kept` bytes of input, and those of the vectors. */
void workspace_trim(size_t kept);
void workspace_release(void);

#endif
