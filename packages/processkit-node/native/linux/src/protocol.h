/*
 * The numbers of the protocol. PROTOCOL.md says what they mean; the client's copy is src/internal/host/hostProtocol.ts.
 */
#ifndef PROCESSKIT_PROTOCOL_H
#define PROCESSKIT_PROTOCOL_H

#define PROTOCOL_VERSION 3

/* The channels, by descriptor: Node's IPC channel for the ends of pipes, and a socket for messages. */
#define CHANNEL_HANDLES 3
#define CHANNEL_MESSAGES 4

/* Bounds. A message is the four bytes of its size and at most this many more. */
#define MESSAGE_MAX (8u << 20)
#define STRINGS_MAX (1u << 18)
#define GROUPS_MAX 1024
#define LIMITS_MAX 16
#define AFFINITY_MAX 128
#define DESCRIPTORS_MAX 16
#define DESCRIPTOR_LAST 63
#define CHILDREN_MAX 32767
#define GUARDED_MAX 32
#define GUARDED_PATH_MAX 1024
#define LINKS_MAX 256
#define RELAY_MAX 4096
#define OWN_CGROUP_MAX 48
#define MEMBERS_PER_MESSAGE 1024

enum mode { MODE_DIRECT = 0, MODE_MONITORED = 1 };

enum request_type {
    REQUEST_HELLO = 1,
    REQUEST_GUARD = 2,
    REQUEST_UNGUARD = 3,
    REQUEST_SPAWN = 4,
    REQUEST_SIGNAL = 5,
    REQUEST_TREE = 6,
    REQUEST_PING = 7,
    REQUEST_UNLINK = 8,
    REQUEST_CLOSE = 9,
};

enum event_type {
    EVENT_WELCOME = 1,
    EVENT_DONE = 2,
    EVENT_SPAWNED = 3,
    EVENT_FAILED = 4,
    EVENT_EXITED = 5,
    EVENT_EMPTIED = 6,
    EVENT_LOST = 7,
    EVENT_MEMBERS = 8,
    EVENT_REFUSED = 9,
    EVENT_OUTPUT = 10,
    EVENT_HANDED = 11,
    EVENT_STOPPED = 12,
};

enum feature { FEATURE_SUBREAPER = 1, FEATURE_CHILDREN_FILES = 2, FEATURE_CLOSE_RANGE = 4 };

enum attribute {
    ATTRIBUTE_UID = 1 << 0,
    ATTRIBUTE_GID = 1 << 1,
    ATTRIBUTE_GROUPS = 1 << 2,
    ATTRIBUTE_UMASK = 1 << 3,
    ATTRIBUTE_LIMITS = 1 << 4,
    ATTRIBUTE_NICE = 1 << 5,
    ATTRIBUTE_AFFINITY = 1 << 6,
    ATTRIBUTE_IO_PRIORITY = 1 << 7,
    ATTRIBUTE_NO_NEW_PRIVILEGES = 1 << 8,
    ATTRIBUTE_SESSION = 1 << 9,
    ATTRIBUTE_KEEP_DESCRIPTORS = 1 << 10,
    ATTRIBUTE_OWN_CGROUP = 1 << 11,
    ATTRIBUTE_DESCRIPTORS = 1 << 12,
    ATTRIBUTES_KNOWN = (1 << 13) - 1,
};

/* What a child does with a descriptor above the standard ones. */
enum direction { DIRECTION_READ = 0, DIRECTION_WRITE = 1, DIRECTION_BOTH = 2 };

enum stream_kind {
    STREAM_NULL = 0,
    STREAM_PIPE = 1,
    STREAM_INHERIT = 2,
    STREAM_FILE = 3,
    STREAM_LINK = 4,
    STREAM_SAME = 5,
    STREAM_RELAY = 6,
};

/* What became of a cgroup that was made for one child alone, when that child was reaped. */
enum own_cgroup {
    OWN_CGROUP_NONE = 0,
    OWN_CGROUP_REMOVED = 1,
    OWN_CGROUP_LEFT = 2,
};

enum file_flag {
    FILE_READ = 1,
    FILE_WRITE = 2,
    FILE_CREATE = 4,
    FILE_TRUNCATE = 8,
    FILE_APPEND = 16,
    FILE_EXCLUSIVE = 32,
    FILE_FLAGS_KNOWN = 63,
};

enum tree_action {
    TREE_LIST = 0,
    TREE_SIGNAL = 1,
    TREE_SUSPEND = 2,
    TREE_RESUME = 3,
    TREE_KILL = 4,
    TREE_FOREGROUND = 5, /* only in the terminal role */
};

/* What a start was doing when it failed, in the order of its work; STAGE_DESCRIPTORS comes before STAGE_STREAM. */
enum stage {
    STAGE_EXECUTING = 0, /* not a failure: everything before execve succeeded */
    STAGE_REQUEST = 1,
    STAGE_PIPE = 2,
    STAGE_CONTAINER = 3,
    STAGE_FORK = 4,
    STAGE_SESSION = 5,
    STAGE_STREAM = 6,
    STAGE_LIMITS = 7,
    STAGE_UMASK = 8,
    STAGE_NICE = 9,
    STAGE_IO_PRIORITY = 10,
    STAGE_AFFINITY = 11,
    STAGE_DIRECTORY = 12,
    STAGE_GROUPS = 13,
    STAGE_GID = 14,
    STAGE_UID = 15,
    STAGE_NO_NEW_PRIVILEGES = 16,
    STAGE_DESCRIPTORS = 17,
    STAGE_SIGNALS = 18,
    STAGE_EXEC = 19,
    STAGE_KILLED = 20,
    STAGE_TERMINAL = 21,
};

/* Why a conversation was ended. */
enum refusal {
    REFUSAL_OVERSIZED = 1,
    REFUSAL_MALFORMED = 2,
    REFUSAL_ORDER = 3,
    REFUSAL_VERSION = 4,
};

#endif
