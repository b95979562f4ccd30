#include "outbox.h"

#include "sys.h"
#include "text.h"

static uint8_t queue[OUTBOX_SIZE];
static size_t first;
static size_t end;

static void put(struct event *event, uint64_t value, unsigned size)
{
    for (; size > 0 && event->used < EVENT_MAX; size--, value >>= 8) event->bytes[event->used++] = (uint8_t)value;
}

void event_begin(struct event *event, uint16_t type)
{
    event->used = 4;
    event_u16(event, type);
}

void event_u16(struct event *event, uint16_t value) { put(event, value, 2); }
void event_u32(struct event *event, uint32_t value) { put(event, value, 4); }
void event_u64(struct event *event, uint64_t value) { put(event, value, 8); }

void event_end(struct event *event)
{
    size_t used = event->used;
    event->used = 0;
    event_u32(event, (uint32_t)(used - 4));
    event->used = used;
}

bool outbox_is_empty(void) { return first == end; }

bool outbox_has_room(size_t size) { return OUTBOX_SIZE - (end - first) >= size; }

void outbox_add(const uint8_t *bytes, size_t size)
{
    if (!outbox_has_room(size)) return;
    if (OUTBOX_SIZE - end < size) {
        memmove(queue, queue + first, end - first);
        end -= first;
        first = 0;
    }
    memcpy(queue + end, bytes, size);
    end += size;
}

bool outbox_flush(int fd)
{
    while (first < end) {
        struct iovec part = {queue + first, end - first};
        struct sys_message message = {.parts = &part, .part_count = 1};
        long sent = SYS_3(__NR_sendmsg, fd, &message, SYS_MSG_DONTWAIT | SYS_MSG_NOSIGNAL);
        if (sent == -EINTR) continue;
        if (sent == -EAGAIN || sent == -ENOBUFS || sent == -ENOMEM) return true;
        if (sent < 0) return false;
        first += (size_t)sent;
    }
    first = end = 0;
    return true;
}
