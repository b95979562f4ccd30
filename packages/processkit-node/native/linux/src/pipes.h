#ifndef PROCESSKIT_PIPES_H
#define PROCESSKIT_PIPES_H

/*
 * A wider pipe spares writer and reader turns of waiting for each other. Only few children get one: all pipes of a user
 * count against one bound, above which new ones are small and none is widened (pipe(7), pipe-user-pages-soft: 1024 pipes
 * of the usual capacity). It is no failure where there is none.
 */
void pipes_widen(int fd);

#endif
