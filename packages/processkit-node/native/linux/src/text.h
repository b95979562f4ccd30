/*
 * Bytes and numbers: the few functions of a C library that this program needs.
 */
#ifndef PROCESSKIT_TEXT_H
#define PROCESSKIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest path that is put together here, terminator included. */
#define PATH_SIZE 4096

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

size_t text_length(const char *text);
bool text_equal(const char *one, const char *other);

/* A text under construction in a buffer of fixed size; what does not fit sets `full`. */
struct builder {
    char *bytes;
    size_t size;
    size_t used;
    bool full;
};

struct builder text_build(char *bytes, size_t size);
void text_add(struct builder *text, const char *more);
void text_add_number(struct builder *text, uint64_t number);

/* Reads a decimal number at `*at` and moves behind it; false where there is none. */
bool text_number(const char **at, const char *end, uint64_t *number);

#endif
