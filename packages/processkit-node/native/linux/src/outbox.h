/*
 * The bounded queue of events to the owner: filled by whoever has something to say, written once per wake-up.
 */
#ifndef PROCESSKIT_OUTBOX_H
#define PROCESSKIT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A single event is never larger. */
#define EVENT_MAX 8192
#define OUTBOX_SIZE (8 * EVENT_MAX)

/* An event under construction. */
struct event {
    uint8_t bytes[EVENT_MAX];
    size_t used;
};

void event_begin(struct event *event, uint16_t type);
void event_u16(struct event *event, uint16_t value);
void event_u32(struct event *event, uint32_t value);
void event_u64(struct event *event, uint64_t value);
/* Fills in the size; the event is complete after it. */
void event_end(struct event *event);

/* Appends bytes that are one or more whole events. They fit, because nothing is started without `outbox_has_room`. */
void outbox_add(const uint8_t *bytes, size_t size);
bool outbox_has_room(size_t size);
bool outbox_is_empty(void);

/* Writes what the socket takes. Answers false when the owner is gone. */
bool outbox_flush(int fd);

#endif
