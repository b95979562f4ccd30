#include "monitor.h"

#include "descriptors.h"
#include "family.h"
#include "outbox.h"
#include "report.h"
#include "terminal.h"
#include "text.h"
#include "workspace.h"

#define CHANNEL 3
#define SIGNALS 4
#define TERMINAL 5
#define PACE 2
#define PACE_MAX 50
#define STOP_PATIENCE 100
#define PATIENCE 60000

struct monitor {
    uint32_t id;
    int self;
    int host;
    int leader;
    bool has_terminal;
    bool job_stopped; /* by the terminal, and not by somebody who will continue it */
    bool killing;
    bool abandoned;
    long since;
};

static struct monitor monitor;

/* Who is born into a frozen cgroup holds copies of the host's ends of all channels until it is thawed, and with them the end
 * of this one is open; the death signal comes at once. */
static bool is_host_gone(void) { return SYS_0(__NR_getppid) != monitor.host; }

static void abandon(void)
{
    if (monitor.abandoned) return;
    monitor.abandoned = monitor.killing = true;
    monitor.since = sys_milliseconds();
}

/* Waits for the channel, for a signal or for so long; answers whether the channel is ready. Who waits looks for the dead
 * afterwards, so a signal is only taken. */
static bool wait_for(short events, int timeout)
{
    struct sys_poll ready[2] = {{SIGNALS, SYS_POLLIN, 0}, {CHANNEL, events, 0}};
    struct signalfd_siginfo note;
    (void)sys_poll(ready, monitor.abandoned ? 1 : 2, timeout);
    if (ready[0].happened != 0) (void)sys_read(SIGNALS, &note, sizeof note);
    if (is_host_gone()) abandon();
    return ready[1].happened != 0;
}

/* Waits for room: a monitor has nothing else to say while its host does not listen, and a dead host ends the wait. */
static void send(const struct event *event)
{
    while (!monitor.abandoned) {
        struct iovec part = {(void *)(uintptr_t)event->bytes, event->used};
        struct sys_message message = {.parts = &part, .part_count = 1};
        long sent = SYS_3(__NR_sendmsg, CHANNEL, &message, SYS_MSG_DONTWAIT | SYS_MSG_NOSIGNAL);
        if (sent == -EAGAIN) (void)wait_for(SYS_POLLOUT, -1);
        else if (sent == -ENOBUFS || sent == -ENOMEM) sys_sleep(PACE);
        else if (sent != -EINTR) return;
    }
}

static void send_done(uint32_t token, int error, unsigned count)
{
    struct event event;
    report_done(&event, token, error, count);
    send(&event);
}

struct listing {
    struct event event;
    uint32_t token;
    unsigned count;
};

static void list_member(int pid, void *context)
{
    struct listing *listing = context;
    if (listing->count == 0) {
        event_begin(&listing->event, EVENT_MEMBERS);
        event_u32(&listing->event, listing->token);
    }
    event_u32(&listing->event, (uint32_t)pid);
    if (++listing->count < MEMBERS_PER_MESSAGE) return;
    event_end(&listing->event);
    send(&listing->event);
    listing->count = 0;
}

static void list_members(uint32_t token)
{
    struct listing listing = {.token = token, .count = 0};
    unsigned living = family_list(monitor.self, list_member, &listing);
    if (listing.count > 0) {
        event_end(&listing.event);
        send(&listing.event);
    }
    send_done(token, 0, living);
}

static void signal_leader(uint32_t token, int number)
{
    /* Nobody but this process reaps the leader, so its number is its own until then. */
    long result = monitor.leader == 0 ? -ESRCH : sys_kill(monitor.leader, number);
    send_done(token, (int)-result, result == 0 ? 1 : 0);
}

static void signal_members(uint32_t token, int number)
{
    struct sweep sweep = family_signal(monitor.self, number, NULL);
    send_done(token, sweep.error, sweep.reached);
}

/* The program goes on as a job that was stopped, with the terminal where the owner has it to give. */
static void bring_to_foreground(uint32_t token)
{
    (void)terminal_return();
    bool continues = monitor.job_stopped && monitor.leader != 0;
    monitor.job_stopped = false;
    if (continues) (void)sys_kill(-monitor.leader, SIGCONT); /* not reaped, so the number of its group is its own */
    send_done(token, 0, continues ? 1 : 0);
}

static void stop_members(uint32_t token)
{
    struct sweep sweep = family_stop(monitor.self, STOP_PATIENCE, NULL);
    send_done(token, sweep.error, sweep.reached);
}

static void obey(const struct monitor_command *command)
{
    switch (command->action) {
    case MONITOR_LEADER:
        signal_leader(command->token, command->number);
        break;
    case TREE_LIST:
        list_members(command->token);
        break;
    case TREE_SIGNAL:
        signal_members(command->token, command->number);
        break;
    case TREE_SUSPEND:
        stop_members(command->token);
        break;
    case TREE_RESUME:
        signal_members(command->token, SIGCONT);
        break;
    case TREE_FOREGROUND:
        bring_to_foreground(command->token);
        break;
    case TREE_KILL:
        monitor.killing = true;
        send_done(command->token, 0, 0);
        break;
    default:
        send_done(command->token, EINVAL, 0);
    }
}

static void take_command(void)
{
    struct monitor_command command;
    long size = sys_read(CHANNEL, &command, sizeof command);
    if (size == -EINTR || size == -EAGAIN) return;
    if (size == (long)sizeof command) obey(&command);
    else abandon();
}

static bool is_from_terminal(int number) { return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU; }

/*
 * What a shell does when its job stops: it takes the terminal back. A job stopped by the terminal takes the owner along,
 * so that the shell above gets its turn; the owner asks for TREE_FOREGROUND once it runs on.
 */
static void leader_stopped(int number)
{
    struct event event;
    bool had_it = terminal_yield();
    /* Continued by somebody else, it ran before it had the terminal, and touched it. */
    bool early = !had_it && number != SIGTSTP && is_from_terminal(number);
    if (early && terminal_return()) {
        (void)sys_kill(-monitor.leader, SIGCONT);
        return;
    }
    monitor.job_stopped = is_from_terminal(number);
    if (monitor.job_stopped) terminal_stop_owner();
    event_begin(&event, EVENT_STOPPED);
    event_u32(&event, monitor.id);
    event_u16(&event, (uint16_t)number);
    event_end(&event);
    send(&event);
}

static void leader_continued(void)
{
    monitor.job_stopped = false;
    (void)terminal_return();
}

static void leader_exited(int status, const struct rusage *usage)
{
    struct event event;
    monitor.leader = 0;
    terminal_restore(); /* before anybody hears of the end */
    report_exited(&event, monitor.id, status, usage, OWN_CGROUP_NONE);
    send(&event);
}

/* Reaps whoever ended. Nobody left is the end of the monitor as well. */
static void reap(void)
{
    int options = WNOHANG | __WALL | (monitor.has_terminal ? WUNTRACED | WCONTINUED : 0);
    struct rusage usage;
    struct event event;
    int status;
    long pid;
    while ((pid = sys_wait(-1, &status, options, &usage)) > 0) {
        if (pid != monitor.leader) continue;
        if ((status & 0xff) == 0x7f) leader_stopped(status >> 8 & 0xff);
        else if (status == 0xffff) leader_continued();
        else leader_exited(status, &usage);
    }
    if (pid != -ECHILD) return;
    terminal_restore();
    report_id(&event, EVENT_EMPTIED, monitor.id);
    send(&event);
    sys_exit(0);
}

/* Who is to be killed and lives on may not be killed, or hangs in a device: each end of another wakes this loop at once. */
static void serve(void)
{
    int pace = PACE;
    for (;;) {
        reap();
        if (monitor.killing) (void)family_kill(monitor.self, NULL);
        if (monitor.abandoned && sys_milliseconds() - monitor.since > PATIENCE) break;
        if (wait_for(SYS_POLLIN, monitor.killing ? pace : -1)) take_command();
        if (monitor.killing && pace < PACE_MAX) pace *= 2;
    }
}

/*
 * Keeps the channel, the signals and nothing else: what the owner waits for on its streams must not wait for a monitor.
 * Both take the places of the host's channels, so their own numbers are others. Nothing new is needed, so that this
 * does not fail for want of descriptors or memory when the leader is there already: without the null device its streams
 * are closed.
 */
static void settle(int channel, int signals)
{
    long null = sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    for (int fd = 0; fd < 3; fd++) {
        if (null < 0 || sys_dup_to((int)null, fd, 0) < 0) (void)sys_close(fd);
    }
    bool settled = sys_dup_to(channel, CHANNEL, O_CLOEXEC) >= 0 && sys_dup_to(signals, SIGNALS, O_CLOEXEC) >= 0;
    terminal_move(TERMINAL);
    if (!settled || descriptors_close(monitor.has_terminal ? TERMINAL + 1 : TERMINAL) < 0) abandon();
    if (is_host_gone()) abandon(); /* before its death would have been told */
    workspace_release();
}

void monitor_run(const struct birth *birth, int channel, int signals, int host)
{
    (void)sys_prctl(PR_SET_NAME, (unsigned long)"pk-monitor");
    long result = sys_prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (result < 0) birth_fail(birth->status, STAGE_CONTAINER, result);
    (void)sys_prctl(PR_SET_PDEATHSIG, SIGCONT); /* wakes it, also where it is stopped */
    monitor.id = birth->request->id;
    monitor.self = (int)sys_getpid();
    monitor.host = host;
    enum stage stage;
    long leader = birth_fork(birth->request->cgroup, &stage);
    if (leader == 0) birth_run(birth);
    if (leader < 0) birth_fail(birth->status, stage, leader);
    monitor.leader = (int)leader;
    monitor.has_terminal = birth->takes_terminal;
    if (monitor.has_terminal) terminal_lend((int)leader);
    settle(channel, signals);
    serve();
    sys_exit(0);
}
