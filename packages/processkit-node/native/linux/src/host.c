/*
 * The host: one process beside each owner. It starts, signals and reaps children for its owner, and ends them all when
 * the owner is gone. A single loop; nothing in it waits for one child.
 */
#include "host.h"

#include "cgroups.h"
#include "descriptors.h"
#include "family.h"
#include "fate.h"
#include "guardian.h"
#include "handles.h"
#include "links.h"
#include "monitor.h"
#include "relays.h"
#include "report.h"
#include "spawn.h"
#include "terminal.h"
#include "text.h"
#include "workspace.h"

#define EVENTS_PER_WAKE 64
#define RETRY_PAUSE 5
#define LONG_INPUT (128u << 10)
#define EXIT_NOT_SET_UP 125

struct host host = {.null = -1};

static size_t received; /* bytes of input that are not handled yet */
static size_t highest;  /* most bytes of input since the workspace was trimmed */
static struct request request;
static bool reap_wanted;
static uint32_t watched_messages;
static uint32_t watched_handles;

long host_watch(int fd, uint32_t events, enum source source, uint32_t id)
{
    struct epoll_event event = {.events = events, .data = (uint64_t)source << 32 | id};
    return SYS_4(__NR_epoll_ctl, host.epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Closing alone would not do: a child that has not executed its program yet holds copies. */
void host_unwatch(int fd) { (void)SYS_4(__NR_epoll_ctl, host.epoll, EPOLL_CTL_DEL, fd, 0); }

void host_send(const struct event *event) { outbox_add(event->bytes, event->used); }

static void send_done(uint32_t token, long result)
{
    struct event event;
    report_done(&event, token, (int)-result, 0);
    host_send(&event);
}

/* --- Requests -------------------------------------------------------------------------------------------------- */

/* The conversation is over: whoever sends this cannot be understood, and what it started must not outlive that. */
_Noreturn static void refuse(enum refusal why)
{
    struct event event;
    event_begin(&event, EVENT_REFUSED);
    event_u16(&event, (uint16_t)why);
    event_end(&event);
    host_send(&event);
    (void)outbox_flush(CHANNEL_MESSAGES);
    guardian_run();
}

static void greet(void)
{
    struct event event;
    if (host.greeted) refuse(REFUSAL_ORDER);
    if (request.version != PROTOCOL_VERSION || request.mode > MODE_MONITORED) refuse(REFUSAL_VERSION);
    host.greeted = true;
    host.mode = (enum mode)request.mode;
    event_begin(&event, EVENT_WELCOME);
    event_u32(&event, request.token);
    event_u16(&event, PROTOCOL_VERSION);
    event_u16(&event, (uint16_t)host.features);
    event_u32(&event, (uint32_t)host.self);
    event_end(&event);
    host_send(&event);
}

/* The answer comes from elsewhere, later. */
#define ANSWERED_LATER 1

static long command_monitor(const struct child *child, uint16_t action)
{
    struct monitor_command command = {request.token, action, request.number};
    if (child->channel < 0) return -ESRCH;
    long written = sys_write(child->channel, &command, sizeof command);
    if (written == -EPIPE || written == -ECONNRESET) return -ESRCH; /* it has ended, and this loop is still to hear of it */
    return written < 0 ? written : ANSWERED_LATER;
}

/* An unreaped child keeps its number, and nobody but this loop reaps: the number is an identity here. */
static long signal_child(void)
{
    const struct child *child = children_by_id(request.child);
    if (request.number > SYS_SIGNALS) return -EINVAL;
    if (child == NULL || child->orphaned) return -ESRCH;
    if (host.mode == MODE_MONITORED) return command_monitor(child, MONITOR_LEADER);
    return sys_kill(child->process, request.number);
}

static long act_on_tree(void)
{
    const struct child *child = children_by_id(request.child);
    uint16_t last = host.lends_terminal ? TREE_FOREGROUND : TREE_KILL;
    if (request.number > SYS_SIGNALS || request.action > last) return -EINVAL;
    if (host.mode != MODE_MONITORED) return -EOPNOTSUPP;
    if (child == NULL || child->orphaned) return -ESRCH;
    return command_monitor(child, request.action);
}

/* Whatever a client asks for: a child has a session of its own, unless it gets that of the owner's terminal, and sees no
 * descriptor of this process. */
static void start_child(void)
{
    struct attributes *attributes = &request.spawn.attributes;
    attributes->present |= ATTRIBUTE_SESSION;
    if (host.lends_terminal) attributes->present &= ~(uint32_t)ATTRIBUTE_SESSION;
    attributes->present &= ~(uint32_t)ATTRIBUTE_KEEP_DESCRIPTORS;
    spawn(&request.spawn);
}

/* Does what is asked for; answers with the result to report, or ANSWERED_LATER. */
static long handle(void)
{
    switch (request.type) {
    case REQUEST_HELLO:
        greet();
        return ANSWERED_LATER;
    case REQUEST_SPAWN:
        start_child();
        return ANSWERED_LATER;
    case REQUEST_GUARD:
        return cgroups_guard(request.path);
    case REQUEST_UNGUARD:
        return cgroups_release(request.path);
    case REQUEST_SIGNAL:
        return signal_child();
    case REQUEST_TREE:
        return act_on_tree();
    case REQUEST_UNLINK:
        return links_drop(request.link);
    case REQUEST_CLOSE:
        return relays_close(request.child, request.stream);
    case REQUEST_PING:
        return 0;
    default:
        return -ENOSYS;
    }
}

static void handle_request(void)
{
    if (!host.greeted && request.type != REQUEST_HELLO) refuse(REFUSAL_ORDER);
    long result = handle();
    if (result != ANSWERED_LATER) send_done(request.token, result);
}

/* Whether another request may be begun: its news must fit, and no pipe end may be waiting (see handles.h). */
static bool is_ready_for_request(void) { return handles_are_sent() && outbox_has_room(OUTBOX_SIZE / 2); }

static size_t take_request(const uint8_t *at, size_t size)
{
    size_t used = 0;
    switch (request_parse(&request, at, size, &used)) {
    case PARSED_INCOMPLETE:
        return 0;
    case PARSED_REQUEST:
    case PARSED_UNKNOWN:
        handle_request();
        return used;
    case PARSED_OVERSIZED:
        refuse(REFUSAL_OVERSIZED);
    default:
        refuse(REFUSAL_MALFORMED);
    }
}

/* Answers whether something whole was left for want of room. */
static bool take_requests(void)
{
    struct workspace *workspace = workspace_get();
    size_t done = 0;
    size_t used;
    bool ready;
    while ((ready = is_ready_for_request()) && (used = take_request(workspace->input + done, received - done)) > 0) {
        done += used;
    }
    if (done > 0) {
        received -= done;
        memmove(workspace->input, workspace->input + done, received);
    }
    if (highest > LONG_INPUT && received <= LONG_INPUT) {
        workspace_trim(received);
        highest = received;
    }
    return !ready && received > 0;
}

/* --- The owner's two channels ---------------------------------------------------------------------------------- */

static void receive(void)
{
    struct workspace *workspace = workspace_get();
    if (received == INPUT_SIZE) return;
    long size = sys_read(CHANNEL_MESSAGES, workspace->input + received, INPUT_SIZE - received);
    if (size == -EINTR || size == -EAGAIN) return;
    if (size <= 0) {
        host.owner_is_gone = true;
        return;
    }
    received += (size_t)size;
    if (received > highest) highest = received;
}

static void watch_channel(int fd, enum source source, uint32_t *current, uint32_t wanted)
{
    struct epoll_event event = {.events = wanted, .data = (uint64_t)source << 32};
    if (*current == wanted) return;
    *current = wanted;
    (void)SYS_4(__NR_epoll_ctl, host.epoll, EPOLL_CTL_MOD, fd, &event);
}

/* Reads only as much as can be handled; asks to be told of room only where something waits for it. */
static void adjust_interest(bool channel_is_full)
{
    uint32_t messages = EPOLLRDHUP;
    uint32_t handles = EPOLLRDHUP;
    if (is_ready_for_request()) messages |= EPOLLIN;
    if (!outbox_is_empty()) messages |= EPOLLOUT;
    if (channel_is_full) handles |= EPOLLOUT;
    watch_channel(CHANNEL_MESSAGES, SOURCE_MESSAGES, &watched_messages, messages);
    watch_channel(CHANNEL_HANDLES, SOURCE_HANDLES, &watched_handles, handles);
}

/* An owner that does not listen: nothing else can be reported, so nothing else is looked at until it does. */
static void wait_for_owner(void)
{
    struct sys_poll ends[2] = {{CHANNEL_MESSAGES, SYS_POLLOUT, 0}, {CHANNEL_HANDLES, 0, 0}};
    (void)sys_poll(ends, 2, -1);
    bool gone = ((ends[0].happened | ends[1].happened) & (SYS_POLLHUP | SYS_POLLERR)) != 0;
    if (gone || !outbox_flush(CHANNEL_MESSAGES)) host.owner_is_gone = true;
}

/* --- The loop -------------------------------------------------------------------------------------------------- */

static void take_event(const struct epoll_event *event)
{
    uint32_t id = (uint32_t)event->data;
    bool gone = (event->events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0;
    struct signalfd_siginfo note;
    switch ((enum source)(event->data >> 32)) {
    case SOURCE_MESSAGES:
    case SOURCE_HANDLES:
        if (gone) host.owner_is_gone = true;
        return;
    case SOURCE_SIGNALS:
        (void)sys_read(host.signals, &note, sizeof note);
        reap_wanted = true;
        return;
    case SOURCE_STATUS:
        fate_of_start(id);
        return;
    case SOURCE_MONITOR:
        fate_from_monitor(id);
        return;
    case SOURCE_RELAY:
        relays_read(id, gone);
        return;
    }
}

static void wait_and_take(int timeout)
{
    struct epoll_event events[EVENTS_PER_WAKE];
    long count = SYS_6(__NR_epoll_pwait, host.epoll, events, EVENTS_PER_WAKE, timeout, 0, sizeof(uint64_t));
    for (long i = 0; i < count; i++) {
        bool input = events[i].data == (uint64_t)SOURCE_MESSAGES << 32 && (events[i].events & EPOLLIN) != 0;
        take_event(&events[i]);
        if (!input) continue;
        if (!handles_drain(CHANNEL_HANDLES)) host.owner_is_gone = true;
        receive();
    }
}

static bool has_room_for_wake(void) { return outbox_has_room(OUTBOX_SIZE / 2); }

static enum handles_state send_handles(void)
{
    enum handles_state state = handles_flush(CHANNEL_HANDLES);
    while (state == HANDLES_SENT && relays_hand_over()) state = handles_flush(CHANNEL_HANDLES);
    return state;
}

/* Handles requests and tells, until nothing is left to handle or the owner has to make room. Room may come from telling
 * alone, and then no event would bring this loop back to the rest. */
static enum handles_state converse(void)
{
    enum handles_state handles;
    bool left;
    do {
        left = take_requests();
        handles = send_handles();
        if (handles == HANDLES_BROKEN || !outbox_flush(CHANNEL_MESSAGES)) guardian_run();
    } while (left && is_ready_for_request());
    return handles;
}

/* One turn: wait, take the news, reap, converse. Answers how long the next turn may wait. */
static int turn(int timeout)
{
    if (!has_room_for_wake()) wait_for_owner();
    else wait_and_take(reap_wanted ? 0 : timeout);
    if (host.owner_is_gone) guardian_run();
    if (reap_wanted) reap_wanted = !fate_reap();
    if (host.lost > 0) fate_sweep();
    enum handles_state handles = converse();
    adjust_interest(handles == HANDLES_WAITING);
    return handles == HANDLES_LATER || host.lost > 0 ? RETRY_PAUSE : -1;
}

/* --- Setting up: nothing was started yet, so a failure may end the process ------------------------------------- */

static void need(long result)
{
    if (result < 0) sys_exit(EXIT_NOT_SET_UP);
}

/* Signals are blocked and not ignored, because children would inherit what is ignored. */
static void shield(void)
{
    struct sys_action standard = {0};
    need(sys_set_mask(SYS_EVERY_SIGNAL));
    for (int number = 1; number <= SYS_SIGNALS; number++) {
        (void)SYS_4(__NR_rt_sigaction, number, &standard, 0, sizeof(uint64_t));
    }
    /* A host that is stopped would not see the end of its owner, so it is continued by it. */
    (void)sys_prctl(PR_SET_PDEATHSIG, SIGCONT);
    if (host.lends_terminal) terminal_leave_group();
    else (void)SYS_0(__NR_setsid); /* refused where the owner's spawn made a session already */
    need(SYS_1(__NR_chdir, "/"));
    (void)sys_prctl(PR_SET_NAME, (unsigned long)"pk-host");
}

static void take_descriptors(void)
{
    need(descriptors_close(CHANNEL_MESSAGES + 1));
    for (int fd = CHANNEL_HANDLES; fd <= CHANNEL_MESSAGES; fd++) {
        need(sys_fcntl(fd, F_SETFD, FD_CLOEXEC));
        long flags = sys_fcntl(fd, F_GETFL, 0);
        need(flags);
        need(sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    }
    /* Where the owner had nothing at 0 to 2, a pipe made here would land there and reach every child. */
    while ((host.null = (int)sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0)) >= 0 && host.null < 3) {
        need(sys_fcntl(host.null, F_SETFD, 0));
    }
}

/* Every child costs descriptors; the children get the owner's limit back. */
static void raise_limit(void)
{
    if (SYS_4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &host.limit) < 0) return;
    struct sys_limit raised = {host.limit.hard, host.limit.hard};
    relays_spare(host.limit.hard);
    if (host.limit.soft == host.limit.hard) return;
    host.limit_raised = SYS_4(__NR_prlimit64, 0, RLIMIT_NOFILE, &raised, 0) == 0;
}

static void detect_features(void)
{
    host.self = (int)sys_getpid();
    if (sys_prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) host.features |= FEATURE_SUBREAPER;
    if (family_is_supported()) host.features |= FEATURE_CHILDREN_FILES;
    if (sys_close_range(~0u, ~0u, 0) == 0) host.features |= FEATURE_CLOSE_RANGE;
}

static void open_sources(void)
{
    /* The second is for the monitors, which read from the same descriptor: that their host is gone. */
    uint64_t news = (uint64_t)1 << (SIGCHLD - 1) | (uint64_t)1 << (SIGCONT - 1);
    host.epoll = (int)SYS_1(__NR_epoll_create1, O_CLOEXEC);
    need(host.epoll);
    host.signals = (int)SYS_4(__NR_signalfd4, -1, &news, sizeof news, O_CLOEXEC | O_NONBLOCK);
    need(host.signals);
    watched_messages = EPOLLIN | EPOLLRDHUP;
    watched_handles = EPOLLRDHUP;
    need(host_watch(host.signals, EPOLLIN, SOURCE_SIGNALS, 0));
    need(host_watch(CHANNEL_MESSAGES, watched_messages, SOURCE_MESSAGES, 0));
    need(host_watch(CHANNEL_HANDLES, watched_handles, SOURCE_HANDLES, 0));
}

void host_run(bool lends_terminal)
{
    host.lends_terminal = lends_terminal;
    shield();
    take_descriptors();
    raise_limit();
    detect_features();
    open_sources();
    if (!workspace_map()) sys_exit(EXIT_NOT_SET_UP);
    int timeout = -1;
    for (;;) timeout = turn(timeout);
}
