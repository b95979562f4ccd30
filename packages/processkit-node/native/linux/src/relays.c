#include "relays.h"

#include "handles.h"
#include "host.h"
#include "pipes.h"

#define SLOTS_MAX 256u
#define SLOTS_MIN 2u
#define NO_STREAM 0

struct relay {
    uint32_t id;
    uint16_t stream; /* 1 or 2; NO_STREAM for a free slot */
    uint16_t told;   /* bytes */
    bool leaving;    /* the owner was told that it gets the pipe, which waits for its turn */
    int fd;
};

static struct relay relays[SLOTS_MAX];
static unsigned slots = SLOTS_MAX;
static unsigned next; /* the slot that was taken the longest ago */
static unsigned leaving;

void relays_spare(uint64_t descriptors)
{
    if (descriptors / 4 < slots) slots = (unsigned)(descriptors / 4);
    if (slots < SLOTS_MIN) slots = SLOTS_MIN;
}

static void begin(struct event *event, enum event_type type, const struct relay *relay)
{
    event_begin(event, (uint16_t)type);
    event_u32(event, relay->id);
    event_u16(event, relay->stream);
}

/* Frees a slot; what becomes of the descriptor is the caller's business. */
static int release(struct relay *relay)
{
    int fd = relay->fd;
    if (relay->leaving) leaving--;
    else host_unwatch(fd);
    *relay = (struct relay){.stream = NO_STREAM, .fd = -1};
    return fd;
}

static void end(struct relay *relay) { (void)sys_close(release(relay)); }

static void announce(const struct relay *relay)
{
    struct event event;
    begin(&event, EVENT_HANDED, relay);
    event_end(&event);
    host_send(&event);
}

static void hand_over(const struct relay *relay)
{
    if (!relay->leaving) announce(relay);
    handles_add(relay->id, relay->stream, relay->fd);
}

/* Everything that may be told was told. The owner hears so at once, before the end of the child. */
static void leave(struct relay *relay)
{
    announce(relay);
    host_unwatch(relay->fd);
    relay->leaving = true;
    leaving++;
}

void relays_add(uint32_t id, unsigned index, int fd)
{
    struct relay *relay = &relays[next];
    struct relay added = {.id = id, .stream = (uint16_t)index, .fd = fd};
    if (relay->stream != NO_STREAM) {
        hand_over(relay);
        (void)release(relay);
    }
    /* Watching costs kernel memory and may be refused; then the owner gets the pipe at once. */
    if (host_watch(fd, EPOLLIN, SOURCE_RELAY, next) < 0) {
        hand_over(&added);
        return;
    }
    *relay = added;
    next = (next + 1) % slots;
}

/* Tells one piece where there is so much room. Answers whether there may be another. */
static bool tell(struct relay *relay, size_t room)
{
    struct event event;
    if (!outbox_has_room(room)) return false; /* the kernel reminds of it */
    begin(&event, EVENT_OUTPUT, relay);
    long size = sys_read(relay->fd, event.bytes + event.used, (size_t)(RELAY_MAX - relay->told));
    if (size == -EAGAIN || size == -EINTR) return false;
    if (size > 0) event.used += (size_t)size;
    event_end(&event);
    host_send(&event);
    if (size <= 0) {
        end(relay);
        return false;
    }
    relay->told = (uint16_t)(relay->told + size);
    if (relay->told < RELAY_MAX) return true;
    pipes_widen(relay->fd); /* there is more to come than was told */
    leave(relay);
    return false;
}

void relays_read(uint32_t slot, bool ended)
{
    struct relay *relay = &relays[slot % SLOTS_MAX];
    if (relay->stream == NO_STREAM || relay->leaving) return;
    while (tell(relay, OUTBOX_SIZE / 2) && ended) continue;
}

/* The first piece of a stream is all that was in its pipe. Two of them fit into the room that there is when a child is
 * reaped or its monitor listened to; half of the queue, which others leave free, is not asked for here. */
void relays_catch_up(uint32_t id)
{
    for (unsigned i = 0; i < slots; i++) {
        if (relays[i].stream == NO_STREAM || relays[i].id != id || relays[i].leaving) continue;
        while (tell(&relays[i], EVENT_MAX)) continue;
    }
}

bool relays_hand_over(void)
{
    for (unsigned i = 0; i < slots && leaving > 0; i++) {
        if (!relays[i].leaving) continue;
        hand_over(&relays[i]);
        (void)release(&relays[i]);
        return true;
    }
    return false;
}

long relays_close(uint32_t id, unsigned index)
{
    for (unsigned i = 0; i < slots; i++) {
        if (relays[i].stream == NO_STREAM || relays[i].stream != index || relays[i].id != id) continue;
        if (relays[i].leaving) return -ENOENT; /* the owner closes what it gets */
        end(&relays[i]);
        return 0;
    }
    return -ENOENT;
}

void relays_forget(uint32_t id)
{
    (void)relays_close(id, 1);
    (void)relays_close(id, 2);
}

void relays_close_all(void)
{
    for (unsigned i = 0; i < slots; i++) {
        if (relays[i].stream != NO_STREAM) (void)sys_close(relays[i].fd);
    }
}
