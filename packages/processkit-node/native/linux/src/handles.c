#include "handles.h"

#include "protocol.h"
#include "sys.h"
#include "text.h"

#define LINE_SIZE 96
/* Three of a start and its further descriptors, and two that its own outputs displace (see relays.h). */
#define QUEUE_SIZE (5 + DESCRIPTORS_MAX)

struct handle {
    char line[LINE_SIZE];
    size_t size;
    size_t sent;
    int fd;
};

static struct handle queue[QUEUE_SIZE];
static unsigned first;
static unsigned end;

void handles_add(uint32_t id, unsigned index, int fd)
{
    if (end == QUEUE_SIZE) { /* does not happen, see above; a pipe that ends is better than memory that is overwritten */
        (void)sys_close(fd);
        return;
    }
    struct handle *handle = &queue[end++];
    struct builder line = text_build(handle->line, LINE_SIZE);
    text_add(&line, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":[");
    text_add_number(&line, id);
    text_add(&line, ",");
    text_add_number(&line, index);
    text_add(&line, "]}\n");
    handle->size = line.used;
    handle->sent = 0;
    handle->fd = fd;
}

bool handles_are_sent(void) { return first == end; }

static long send_rest(int channel, struct handle *handle)
{
    struct iovec part = {handle->line + handle->sent, handle->size - handle->sent};
    struct sys_control control = {
        .size = offsetof(struct sys_control, padding),
        .level = SYS_SOL_SOCKET,
        .type = SYS_SCM_RIGHTS,
        .descriptor = handle->fd,
    };
    struct sys_message message = {.parts = &part, .part_count = 1};
    if (handle->fd >= 0) {
        message.control = &control;
        message.control_size = sizeof control;
    }
    long sent;
    do sent = SYS_3(__NR_sendmsg, channel, &message, SYS_MSG_DONTWAIT | SYS_MSG_NOSIGNAL);
    while (sent == -EINTR);
    if (sent <= 0) return sent;
    if (handle->fd >= 0) {
        (void)sys_close(handle->fd);
        handle->fd = -1;
    }
    handle->sent += (size_t)sent;
    return sent;
}

enum handles_state handles_flush(int channel)
{
    while (first < end) {
        struct handle *handle = &queue[first];
        long sent = send_rest(channel, handle);
        if (sent == -EAGAIN) return HANDLES_WAITING;
        if (sent == -ETOOMANYREFS || sent == -ENOBUFS || sent == -ENOMEM) return HANDLES_LATER;
        if (sent < 0) return HANDLES_BROKEN;
        if (handle->sent == handle->size) first++;
    }
    first = end = 0;
    return HANDLES_SENT;
}

bool handles_drain(int channel)
{
    char sink[4096];
    for (;;) {
        long size = sys_read(channel, sink, sizeof sink);
        if (size == -EINTR) continue;
        if (size == -EAGAIN) return true;
        if (size <= 0) return false;
        if ((size_t)size < sizeof sink) return true;
    }
}
