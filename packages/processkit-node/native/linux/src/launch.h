/*
 * The launcher: becomes one program in the process that somebody else made, for what only libuv can give: a terminal's
 * foreground group, Node's own channel, descriptors of the caller.
 */
#ifndef PROCESSKIT_LAUNCH_H
#define PROCESSKIT_LAUNCH_H

/* Reads one spawn request from `fd`, joins its cgroup, applies it, and answers on `fd` only where that fails. */
_Noreturn void launch_run(int fd);

#endif
