/*
 * The monitor: one process per start, where there are no cgroups or a terminal is lent. It is the subreaper of one leader,
 * so that whoever the leader leaves behind becomes the monitor's child, whatever it did to its session, group and
 * environment.
 *
 * It obeys commands of its host, ends when nobody is left, and kills its tree when the host is gone. A leader with the
 * terminal it holds as a shell holds its foreground job (terminal.h).
 */
#ifndef PROCESSKIT_MONITOR_H
#define PROCESSKIT_MONITOR_H

#include <stdint.h>

#include "birth.h"

/* A command to a monitor. `action` is a tree action, or MONITOR_LEADER to signal the leader alone. */
struct monitor_command {
    uint32_t token;
    uint16_t action;
    uint16_t number;
};

#define MONITOR_LEADER 0x100

/*
 * Becomes the monitor of a leader that is started from `birth`. Talks to the host, whose pid is `host`, over `channel` in
 * whole events. `signals` is the host's signalfd for SIGCHLD and SIGCONT, and tells each process of its own signals
 * (signalfd(2), "fork(2)").
 */
_Noreturn void monitor_run(const struct birth *birth, int channel, int signals, int host);

#endif
