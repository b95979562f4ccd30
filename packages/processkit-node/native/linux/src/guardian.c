#include "guardian.h"

#include "cgroups.h"
#include "descriptors.h"
#include "family.h"
#include "host.h"
#include "relays.h"
#include "terminal.h"

/* What cannot be killed in this time (another user's process, a hung device) has its signal or refuses it. */
#define PATIENCE 60000
#define PAUSE_MAX 50

/* Others wait for the end of the owner's streams, and monitors for that of their channels. */
static void let_go(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (host.null < 0 || sys_dup_to(host.null, fd, 0) < 0) (void)sys_close(fd);
    }
    (void)sys_close(CHANNEL_HANDLES);
    (void)sys_close(CHANNEL_MESSAGES);
    relays_close_all();
    for (struct child *child = children_next(NULL); child != NULL; child = children_next(child)) {
        if (child->channel >= 0) (void)sys_close(child->channel);
        if (child->status >= 0) (void)sys_close(child->status);
    }
}

/* Reaps whoever has ended; answers whether nobody is left. */
static bool reap_all(void)
{
    int status;
    long pid;
    do pid = sys_wait(-1, &status, WNOHANG | __WALL, NULL);
    while (pid > 0);
    return pid == -ECHILD;
}

static bool end_everybody(void)
{
    cgroups_kill();
    if (!reap_all()) (void)family_kill(host.self, NULL);
    bool nobody = reap_all();
    return cgroups_remove() && nobody;
}

void guardian_run(void)
{
    long start = sys_milliseconds();
    int pause = 1;
    let_go();
    while (!end_everybody() && sys_milliseconds() - start < PATIENCE) {
        sys_sleep(pause);
        if (pause < PAUSE_MAX) pause *= 2;
    }
    terminal_restore();
    sys_exit(0);
}
