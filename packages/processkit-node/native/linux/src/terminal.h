/*
 * The terminal of a session, lent to one program: its foreground group and its modes, and both given back.
 *
 * Used by a host in the terminal role and by the monitor of its child, which are in the owner's session and in a process
 * group of their own. They block every signal, so that the terminal lets them change its foreground group although they
 * are not in it (tty_check_change in drivers/tty/tty_jobctrl.c: SIGTTOU that is blocked is not asked for).
 */
#ifndef PROCESSKIT_TERMINAL_H
#define PROCESSKIT_TERMINAL_H

#include <stdbool.h>

/* Leaves the owner's group, whose fate (Ctrl-C, Ctrl-Z, a kill of the whole group) is not that of this process. */
void terminal_leave_group(void);

/* Opens the terminal, and notes its modes; refused where there is none, or where the owner has not the foreground. */
long terminal_open(void);

/* Puts the open terminal at another descriptor, and closes what was there. */
void terminal_move(int fd);

/* In the new process: makes a group of its own, and brings it to the foreground. */
long terminal_take(void);

/* In the monitor: the program is this process and leads the group of its number. */
void terminal_lend(int program);

/* The owner gets the terminal back, for the time that the program is stopped. Answers whether the program had it. */
bool terminal_yield(void);

/* The program gets it again, where the owner has it to give. Answers whether the program has it now. */
bool terminal_return(void);

/* Stops the owner's group like a job of a shell. Does nothing to a group that no shell could continue. */
void terminal_stop_owner(void);

/* The program has ended: the owner gets the terminal back for good. May be repeated. */
void terminal_restore(void);

#endif
