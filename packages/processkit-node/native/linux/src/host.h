/*
 * What the parts of the host share.
 */
#ifndef PROCESSKIT_HOST_H
#define PROCESSKIT_HOST_H

#include "children.h"
#include "outbox.h"
#include "protocol.h"
#include "request.h"
#include "sys.h"

enum source { SOURCE_MESSAGES = 1, SOURCE_HANDLES, SOURCE_SIGNALS, SOURCE_STATUS, SOURCE_MONITOR, SOURCE_RELAY };

struct host {
    int self;
    int epoll;
    int signals;
    int null;
    enum mode mode;
    bool greeted;
    bool limit_raised;
    struct sys_limit limit; /* of descriptors, as the owner had it */
    uint32_t features;
    unsigned lost;          /* monitors that died before their trees */
    bool owner_is_gone;
    bool lends_terminal;    /* the terminal role */
};

extern struct host host;

/* Watches a descriptor; events come back with `source` and `id`. */
long host_watch(int fd, uint32_t events, enum source source, uint32_t id);
void host_unwatch(int fd);
void host_send(const struct event *event);

/* host.c: the two roles. The terminal role stays in the owner's session, and its one child gets the owner's terminal. */
_Noreturn void host_run(bool lends_terminal);

#endif
