#include "terminal.h"

#include "sys.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>

struct terminal {
    int fd;
    int owner;              /* the group of the owner, which has the foreground otherwise */
    int program;            /* the group of the program; 0 until it is known */
    struct termios owners;  /* the modes as the owner had them */
    struct termios programs;
    bool lent;              /* the program has the terminal, as far as we know */
    bool stopped;           /* the program was stopped while it had it, and left modes to be set again */
};

static struct terminal terminal = {.fd = -1};

static long control(unsigned long what, void *value) { return SYS_3(__NR_ioctl, terminal.fd, what, value); }

static int foreground(void)
{
    int group = 0;
    return control(TIOCGPGRP, &group) < 0 ? 0 : group;
}

/*
 * Whether somebody else has the terminal: a shell took it when it saw its job stop or end. Of the program's own groups (it
 * may be a shell itself) those count that are alive: they give the terminal back themselves, or end before long.
 */
static bool is_elsewhere(void)
{
    int group = foreground();
    if (group <= 1 || group == terminal.owner || group == terminal.program) return false;
    return sys_kill(-group, 0) != -ESRCH;
}

void terminal_leave_group(void)
{
    terminal.owner = (int)SYS_1(__NR_getpgid, 0);
    (void)SYS_2(__NR_setpgid, 0, 0);
}

long terminal_open(void)
{
    long fd = sys_open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0) return fd;
    if (terminal.fd >= 0) (void)sys_close(terminal.fd); /* of a child before this one */
    terminal.fd = (int)fd;
    terminal.program = 0;
    terminal.lent = terminal.stopped = false;
    long result = control(TCGETS, &terminal.owners);
    if (result >= 0 && foreground() != terminal.owner) result = -EBUSY;
    if (result >= 0) return 0;
    (void)sys_close(terminal.fd);
    terminal.fd = -1;
    return result;
}

void terminal_move(int fd)
{
    if (terminal.fd < 0 || terminal.fd == fd) return;
    long moved = sys_dup_to(terminal.fd, fd, O_CLOEXEC);
    (void)sys_close(terminal.fd);
    terminal.fd = moved < 0 ? -1 : fd;
}

static long give_to(int group) { return control(TIOCSPGRP, &group); }

long terminal_take(void)
{
    long result = SYS_2(__NR_setpgid, 0, 0);
    return result < 0 ? result : give_to((int)sys_getpid());
}

void terminal_lend(int program)
{
    terminal.program = program;
    terminal.lent = true;
}

bool terminal_yield(void)
{
    if (terminal.fd < 0 || !terminal.lent) return false;
    terminal.lent = false;
    if (is_elsewhere()) return true;
    terminal.stopped = control(TCGETS, &terminal.programs) >= 0;
    (void)give_to(terminal.owner);
    /* At once (TCSETS): waiting for output that somebody has stopped (Ctrl-S) could take for ever. */
    (void)control(TCSETS, &terminal.owners);
    return true;
}

bool terminal_return(void)
{
    if (terminal.fd < 0 || terminal.program == 0) return false;
    if (foreground() != terminal.owner) return terminal.lent;
    if (!terminal.lent) (void)control(TCGETS, &terminal.owners); /* the shell or the owner may have changed them */
    if (terminal.stopped) (void)control(TCSETS, &terminal.programs);
    terminal.stopped = false;
    terminal.lent = give_to(terminal.program) >= 0;
    return terminal.lent;
}

void terminal_stop_owner(void)
{
    /* SIGTSTP and not SIGSTOP: it stops nobody in a group that is orphaned (get_signal in kernel/signal.c). */
    if (terminal.owner > 1) (void)sys_kill(-terminal.owner, SIGTSTP);
}

void terminal_restore(void)
{
    if (terminal.fd < 0) return;
    bool astray = foreground() != terminal.owner;
    if (is_elsewhere() || (!terminal.lent && !astray)) return;
    (void)give_to(terminal.owner);
    (void)control(TCSETS, &terminal.owners);
    terminal.lent = false;
}
