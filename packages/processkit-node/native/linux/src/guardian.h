/*
 * The last duty: the owner is dead or speaks nonsense, and everything it started has to end.
 */
#ifndef PROCESSKIT_GUARDIAN_H
#define PROCESSKIT_GUARDIAN_H

/* Kills every container and every descendant, removes the directories, and ends. */
_Noreturn void guardian_run(void);

#endif
