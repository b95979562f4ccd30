/*
 * Parsing of requests: bytes in, values out. No system call, no memory of its own; texts stay where they were received.
 */
#ifndef PROCESSKIT_REQUEST_H
#define PROCESSKIT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

/* `count` texts, one behind the other, each with its terminator. */
struct texts {
    const char *bytes;
    uint32_t size;
    uint32_t count;
};

struct stream {
    uint8_t kind;
    uint8_t same;        /* STREAM_SAME: the stream whose descriptor is shared */
    uint32_t flags;      /* STREAM_FILE */
    uint32_t mode;       /* STREAM_FILE */
    const char *path;    /* STREAM_FILE */
    uint32_t link;       /* STREAM_LINK */
};

struct resource_limit {
    uint32_t resource;
    uint64_t soft;
    uint64_t hard;
};

/* A descriptor of the child above the standard ones, with its other end at the owner. */
struct descriptor {
    uint32_t fd;
    uint32_t direction;
};

struct attributes {
    uint32_t present;
    uint32_t uid;
    uint32_t gid;
    uint32_t group_count;
    uint32_t groups[GROUPS_MAX];
    uint32_t umask;
    uint32_t limit_count;
    struct resource_limit limits[LIMITS_MAX];
    int32_t nice;
    uint32_t affinity_size;
    uint8_t affinity[AFFINITY_MAX];
    uint32_t io_priority;
    uint32_t descriptor_count;
    struct descriptor descriptors[DESCRIPTORS_MAX]; /* ascending */
};

struct spawn_request {
    uint32_t id;
    const char *file;
    const char *directory;
    const char *cgroup;
    struct texts arguments;
    struct texts environment;
    struct stream streams[3];
    struct attributes attributes;
};

struct request {
    uint16_t type;
    uint32_t token;
    uint16_t version;  /* HELLO */
    uint16_t mode;     /* HELLO */
    const char *path;  /* GUARD, UNGUARD */
    uint32_t child;    /* SIGNAL, TREE, CLOSE */
    uint16_t action;   /* TREE */
    uint16_t number;   /* SIGNAL, TREE: a signal */
    uint16_t stream;   /* CLOSE */
    uint32_t link;     /* UNLINK */
    struct spawn_request spawn;
};

enum parsed {
    PARSED_INCOMPLETE, /* more bytes are needed */
    PARSED_REQUEST,
    PARSED_UNKNOWN,    /* well framed, of a type that this version does not know */
    PARSED_OVERSIZED,
    PARSED_MALFORMED,
};

/* Parses the message at the start of `bytes`. `*used` is its whole size once it is there. */
enum parsed request_parse(struct request *request, const uint8_t *bytes, size_t size, size_t *used);

/* Writes the addresses of `texts` and a terminating null to `vector`, which holds `texts->count + 1`. */
void request_vector(const struct texts *texts, const char **vector);

#endif
