#include "spawn.h"

#include "birth.h"
#include "handles.h"
#include "host.h"
#include "links.h"
#include "monitor.h"
#include "relays.h"
#include "terminal.h"
#include "text.h"
#include "workspace.h"

#define STREAMS (3 + DESCRIPTORS_MAX)

/* Every descriptor of one start; -1 where there is none. Behind the standard streams come those that it names besides. */
struct ends {
    int child[STREAMS];
    int owner[STREAMS];
    int status[2];
    int channel[2];
};

static void clear(struct ends *ends)
{
    for (int i = 0; i < STREAMS; i++) ends->child[i] = ends->owner[i] = -1;
    for (int i = 0; i < 2; i++) ends->status[i] = ends->channel[i] = -1;
}

static void close_one(int *fd)
{
    if (*fd >= 0) (void)sys_close(*fd);
    *fd = -1;
}

static void close_child_side(struct ends *ends)
{
    for (int i = 0; i < STREAMS; i++) close_one(&ends->child[i]);
    close_one(&ends->status[1]);
    close_one(&ends->channel[1]);
}

static void close_all(struct ends *ends)
{
    close_child_side(ends);
    for (int i = 0; i < STREAMS; i++) close_one(&ends->owner[i]);
    close_one(&ends->status[0]);
    close_one(&ends->channel[0]);
}

static long make_unblocking(int fd)
{
    long flags = sys_fcntl(fd, F_GETFL, 0);
    return flags < 0 ? flags : sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Both ends of a pipe have settings of their own: the child's stays blocking. */
static long make_pipe(struct ends *ends, int index, bool child_reads)
{
    int pipe[2];
    long result = sys_pipe(pipe, O_CLOEXEC);
    if (result < 0) return result;
    ends->child[index] = pipe[child_reads ? 0 : 1];
    ends->owner[index] = pipe[child_reads ? 1 : 0];
    return make_unblocking(ends->owner[index]);
}

static long make_stream(struct ends *ends, const struct stream *stream, int index)
{
    long fd;
    switch (stream->kind) {
    case STREAM_PIPE:
    case STREAM_RELAY:
        return make_pipe(ends, index, index == 0);
    case STREAM_LINK:
        fd = links_take(stream->link, index != 0);
        ends->child[index] = fd < 0 ? -1 : (int)fd;
        return fd;
    default:
        return 0;
    }
}

/* A pipe carries bytes one way only. */
static long make_pair(struct ends *ends, int index)
{
    int pair[2];
    long result = SYS_4(__NR_socketpair, SYS_AF_UNIX, SYS_SOCK_STREAM | SYS_SOCK_CLOEXEC, 0, pair);
    if (result < 0) return result;
    ends->child[index] = pair[0];
    ends->owner[index] = pair[1];
    return make_unblocking(pair[1]);
}

static long make_descriptor(struct ends *ends, const struct descriptor *descriptor, int index)
{
    if (descriptor->direction == DIRECTION_BOTH) return make_pair(ends, index);
    return make_pipe(ends, index, descriptor->direction == DIRECTION_READ);
}

static long make_status(struct ends *ends)
{
    long result = sys_pipe(ends->status, O_CLOEXEC);
    return result < 0 ? result : make_unblocking(ends->status[0]);
}

static long make_channel(struct ends *ends)
{
    if (host.mode != MODE_MONITORED) return 0;
    long result = SYS_4(__NR_socketpair, SYS_AF_UNIX, SYS_SOCK_SEQPACKET | SYS_SOCK_CLOEXEC, 0, ends->channel);
    return result < 0 ? result : make_unblocking(ends->channel[0]);
}

static long make_ends(struct ends *ends, const struct spawn_request *request)
{
    long result = 0;
    for (int i = 0; i < 3 && result >= 0; i++) result = make_stream(ends, &request->streams[i], i);
    const struct attributes *attributes = &request->attributes;
    for (uint32_t i = 0; i < attributes->descriptor_count && result >= 0; i++) {
        result = make_descriptor(ends, &attributes->descriptors[i], 3 + (int)i);
    }
    if (result >= 0) result = make_status(ends);
    return result < 0 ? result : make_channel(ends);
}

static void report_failure(uint32_t id, enum stage stage, long result)
{
    struct event event;
    event_begin(&event, EVENT_FAILED);
    event_u32(&event, id);
    event_u16(&event, (uint16_t)stage);
    event_u16(&event, 0);
    event_u32(&event, (uint32_t)-result);
    event_end(&event);
    host_send(&event);
}

static struct birth prepare(const struct spawn_request *request, const struct ends *ends)
{
    const char **vector = workspace_get()->vector;
    const char **environment = vector + request->arguments.count + 1;
    request_vector(&request->arguments, vector);
    request_vector(&request->environment, environment);
    return (struct birth){
        .request = request,
        .arguments = vector,
        .environment = environment,
        .streams = {ends->child[0], ends->child[1], ends->child[2]},
        .descriptors_made = ends->child + 3,
        .status = ends->status[1],
        .descriptors = host.limit_raised ? &host.limit : NULL,
        .takes_terminal = host.lends_terminal,
    };
}

static long start(const struct spawn_request *request, const struct ends *ends, enum stage *stage)
{
    struct birth birth = prepare(request, ends);
    bool monitored = host.mode == MODE_MONITORED;
    /* A monitor stays outside: it has work to do when everybody in the cgroup was killed. */
    long pid = birth_fork(monitored ? "" : request->cgroup, stage);
    if (pid != 0) return pid;
    if (monitored) monitor_run(&birth, ends->channel[1], host.signals, host.self);
    birth_run(&birth);
}

static void hand_over(struct child *child, const struct spawn_request *request, struct ends *ends)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        if (ends->owner[i] < 0) continue;
        if (i < 3 && request->streams[i].kind == STREAM_RELAY) {
            relays_add(child->id, i, ends->owner[i]);
        } else {
            handles_add(child->id, i < 3 ? i : request->attributes.descriptors[i - 3].fd, ends->owner[i]);
            child->handles++;
        }
        ends->owner[i] = -1;
    }
    (void)handles_flush(CHANNEL_HANDLES); /* what cannot leave now is flushed by the loop */
}

/* Watching costs kernel memory and may be refused; a child that cannot be watched is not started. */
static long watch(const struct child *child, const struct ends *ends)
{
    long result = host_watch(ends->status[0], 0, SOURCE_STATUS, child->id);
    if (result < 0 || ends->channel[0] < 0) return result;
    return host_watch(ends->channel[0], EPOLLIN, SOURCE_MONITOR, child->id);
}

static long make_cgroup(struct child *child, const struct spawn_request *request)
{
    if ((request->attributes.present & ATTRIBUTE_OWN_CGROUP) == 0) return 0;
    return host.mode == MODE_DIRECT ? cgroups_make(&child->cgroup, request->cgroup) : -EOPNOTSUPP;
}

static long spawn_child(struct child *child, const struct spawn_request *request, struct ends *ends, enum stage *stage)
{
    *stage = STAGE_PIPE;
    long result = make_ends(ends, request);
    if (result >= 0) result = watch(child, ends);
    if (result < 0) return result;
    *stage = STAGE_CONTAINER;
    result = make_cgroup(child, request);
    if (result < 0) return result;
    *stage = STAGE_TERMINAL;
    if (host.lends_terminal) result = terminal_open();
    if (result < 0) return result;
    long process = start(request, ends, stage);
    if (process < 0) return process;
    children_name(child, (int)process);
    child->pid = host.mode == MODE_DIRECT ? (int)process : 0;
    child->status = ends->status[0];
    child->channel = ends->channel[0];
    return 0;
}

static void unwatch(const struct ends *ends)
{
    if (ends->status[0] >= 0) host_unwatch(ends->status[0]);
    if (ends->channel[0] >= 0) host_unwatch(ends->channel[0]);
}

/* Reserves the number and starts; gives back everything where that fails. */
static long try_spawn(const struct spawn_request *request, enum stage *stage)
{
    struct ends ends;
    clear(&ends);
    *stage = STAGE_REQUEST;
    uint32_t needed = FEATURE_SUBREAPER | FEATURE_CHILDREN_FILES;
    if (host.lends_terminal && (host.mode != MODE_MONITORED || children_count() > 0)) return -EBUSY;
    if (host.mode == MODE_MONITORED && (host.features & needed) != needed) return -ENOSYS;
    if (children_by_id(request->id) != NULL) return -EEXIST;
    struct child *child = children_add(request->id);
    if (child == NULL) return -ENOSPC;
    long result = spawn_child(child, request, &ends, stage);
    if (result < 0) {
        unwatch(&ends);
        close_all(&ends);
        if (child->cgroup.guard != 0) (void)cgroups_unmake(&child->cgroup);
        children_remove(child);
        return result;
    }
    close_child_side(&ends);
    hand_over(child, request, &ends);
    return 0;
}

void spawn(const struct spawn_request *request)
{
    enum stage stage;
    long result = try_spawn(request, &stage);
    if (result < 0) report_failure(request->id, stage, result);
}
