#include "fate.h"

#include "birth.h"
#include "family.h"
#include "host.h"
#include "relays.h"
#include "report.h"
#include "terminal.h"

/* The news of a child does not wait until everybody is reaped that it has left behind. */
#define REAPED_AT_ONCE 16

static void send_spawned(const struct child *child)
{
    struct event event;
    event_begin(&event, EVENT_SPAWNED);
    event_u32(&event, child->id);
    event_u32(&event, (uint32_t)child->pid);
    event_end(&event);
    host_send(&event);
}

static void send_failed(const struct child *child)
{
    struct event event;
    event_begin(&event, EVENT_FAILED);
    event_u32(&event, child->id);
    event_u16(&event, child->stage);
    event_u16(&event, child->handles);
    event_u32(&event, (uint32_t)child->error);
    event_end(&event);
    host_send(&event);
}

/* The start has failed: nothing of it is told any more. */
static void give_up(const struct child *child)
{
    relays_forget(child->id);
    send_failed(child);
}

static void send_id(enum event_type type, const struct child *child)
{
    struct event event;
    report_id(&event, type, child->id);
    host_send(&event);
}

/* Whether every copy of the writing end is closed: by execve, or because the process is gone. */
static bool is_hung_up(int fd)
{
    struct sys_poll end = {fd, 0, 0};
    return sys_poll(&end, 1, 0) == 1 && (end.happened & SYS_POLLHUP) != 0;
}

/* No record means death on the way, one means success, and a failure is always the last. */
static void read_records(struct child *child)
{
    struct birth_record records[2];
    long size;
    do size = sys_read(child->status, records, sizeof records);
    while (size == -EINTR);
    unsigned count = size < 0 ? 0 : (unsigned)((size_t)size / sizeof records[0]);
    child->stage = STAGE_KILLED;
    child->error = 0;
    for (unsigned i = 0; i < count; i++) {
        child->stage = (uint16_t)records[i].stage;
        if (records[i].stage == STAGE_EXECUTING) child->pid = records[i].value;
        else child->error = records[i].value;
    }
}

static void conclude_start(struct child *child)
{
    if (child->status < 0) return;
    read_records(child);
    host_unwatch(child->status);
    (void)sys_close(child->status);
    child->status = -1;
    child->started = child->stage == STAGE_EXECUTING;
    /* A failure is told when the process that failed is gone, so that it leaves nothing behind. */
    if (child->started) send_spawned(child);
}

void fate_of_start(uint32_t id)
{
    struct child *child = children_by_id(id);
    if (child != NULL && child->status >= 0 && is_hung_up(child->status)) conclude_start(child);
}

static void close_channel(struct child *child)
{
    if (child->channel < 0) return;
    host_unwatch(child->channel);
    (void)sys_close(child->channel);
    child->channel = -1;
}

/* An event of a monitor, checked before it is passed on. Answers whether the owner shall see it. */
static bool admit(struct child *child, const struct event *event)
{
    if (event->used < 6) return false;
    uint32_t size = (uint32_t)event->bytes[0] | (uint32_t)event->bytes[1] << 8;
    if (size != event->used - 4) return false;
    switch (event->bytes[4]) {
    case EVENT_MEMBERS: /* the list of a tree that is just ending may be cut short; its end may not */
        return outbox_has_room(2 * EVENT_MAX);
    case EVENT_DONE:
    case EVENT_STOPPED:
        return true;
    case EVENT_EXITED:
        conclude_start(child);
        child->exited = true;
        relays_catch_up(child->id);
        return child->started;
    case EVENT_EMPTIED:
        conclude_start(child);
        child->emptied = true;
        if (!child->started) give_up(child);
        return child->started;
    default:
        return false;
    }
}

/* Takes one packet; false when there is none. */
static bool take_packet(struct child *child)
{
    struct event event;
    long size;
    if (child->channel < 0) return false;
    /* A monitor that ends with commands unread leaves one ECONNRESET, told before what it has said (unix_release_sock). */
    do size = sys_read(child->channel, event.bytes, sizeof event.bytes);
    while (size == -EINTR || size == -ECONNRESET);
    if (size == 0) close_channel(child);
    if (size <= 0) return false;
    event.used = (size_t)size;
    if (admit(child, &event)) host_send(&event);
    return true;
}

void fate_from_monitor(uint32_t id)
{
    struct child *child = children_by_id(id);
    while (child != NULL && outbox_has_room(2 * EVENT_MAX) && take_packet(child)) continue;
}

static enum own_cgroup remove_cgroup(const struct child *child)
{
    if (child->cgroup.guard == 0) return OWN_CGROUP_NONE;
    return cgroups_unmake(&child->cgroup) ? OWN_CGROUP_REMOVED : OWN_CGROUP_LEFT;
}

static void end_direct(struct child *child, int status, const struct rusage *usage)
{
    struct event event;
    conclude_start(child);
    enum own_cgroup cgroup = remove_cgroup(child);
    if (child->started) {
        relays_catch_up(child->id);
        report_exited(&event, child->id, status, usage, cgroup);
        host_send(&event);
    } else {
        give_up(child);
    }
    children_remove(child);
}

/* The end of a monitor that said goodbye is of no interest. The tree of another is now ours, to be killed. */
static void end_monitor(struct child *child)
{
    while (take_packet(child)) continue;
    close_channel(child);
    conclude_start(child);
    if (child->emptied) {
        children_remove(child);
        return;
    }
    if (child->started) send_id(EVENT_LOST, child);
    children_orphan(child);
    host.lost++;
}

static void end_process(int process, int status, const struct rusage *usage)
{
    struct child *child = children_by_process(process);
    if (child == NULL) return; /* an orphan that was reparented to this host */
    if ((status & 0xff) == 0x7f) {
        (void)sys_kill(process, SIGCONT); /* nobody may stop a monitor */
    } else if (host.mode == MODE_DIRECT) {
        end_direct(child, status, usage);
    } else {
        end_monitor(child);
    }
}

bool fate_reap(void)
{
    int options = WNOHANG | __WALL | (host.mode == MODE_MONITORED ? WUNTRACED : 0);
    for (unsigned reaped = 0; reaped < REAPED_AT_ONCE; reaped++) {
        struct rusage usage;
        int status = 0;
        if (!outbox_has_room(OUTBOX_SIZE / 2)) return false;
        long process = sys_wait(-1, &status, options, &usage);
        if (process <= 0) return true;
        end_process((int)process, status, &usage);
    }
    return false;
}

static bool is_monitor(int pid) { return children_by_process(pid) != NULL; }

static void settle_lost(void)
{
    for (struct child *child = children_next(NULL); child != NULL; child = children_next(child)) {
        if (!child->orphaned || !outbox_has_room(2 * EVENT_MAX)) continue;
        terminal_restore();
        if (child->started) send_id(EVENT_EMPTIED, child);
        else give_up(child);
        children_remove(child);
        host.lost--;
    }
}

void fate_sweep(void)
{
    if (family_kill(host.self, is_monitor).found == 0) settle_lost();
}
