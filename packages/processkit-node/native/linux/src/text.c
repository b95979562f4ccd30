#include "text.h"

#ifndef PROCESSKIT_HOSTED
void *memcpy(void *to, const void *from, size_t size)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    while (size-- > 0) *target++ = *source++;
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    if (target <= source) return memcpy(to, from, size);
    while (size-- > 0) target[size] = source[size];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    unsigned char *target = to;
    while (size-- > 0) *target++ = (unsigned char)byte;
    return to;
}
#endif

size_t text_length(const char *text)
{
    size_t length = 0;
    while (text[length] != 0) length++;
    return length;
}

bool text_equal(const char *one, const char *other)
{
    while (*one != 0 && *one == *other) one++, other++;
    return *one == *other;
}

struct builder text_build(char *bytes, size_t size)
{
    struct builder text = {bytes, size, 0, false};
    bytes[0] = 0;
    return text;
}

void text_add(struct builder *text, const char *more)
{
    size_t length = text_length(more);
    if (text->full || length >= text->size - text->used) {
        text->full = true;
        return;
    }
    memcpy(text->bytes + text->used, more, length + 1);
    text->used += length;
}

void text_add_number(struct builder *text, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add(text, digits + at);
}

bool text_number(const char **at, const char *end, uint64_t *number)
{
    const char *start = *at;
    uint64_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        if (value > UINT64_MAX / 10 - 10) return false;
        value = value * 10 + (uint64_t)(**at - '0');
        (*at)++;
    }
    *number = value;
    return *at > start;
}
