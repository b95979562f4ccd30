#include "birth.h"

#include "descriptors.h"
#include "terminal.h"

#define IO_PRIORITY_PROCESS 1
#define EXIT_NOT_STARTED 127

static void report(int status, enum stage stage, int32_t value)
{
    struct birth_record record = {stage, value};
    /* Eight bytes into an empty pipe are written at once or not at all; nobody is left to tell of a failure. */
    (void)sys_write(status, &record, sizeof record);
}

void birth_fail(int status, enum stage stage, long result)
{
    report(status, stage, (int32_t)-result);
    sys_exit(EXIT_NOT_STARTED);
}

/* A plain copy of this small process: a child in a frozen cgroup waits for nobody and nobody waits for it. */
long birth_fork(const char *cgroup, enum stage *stage)
{
    *stage = STAGE_FORK;
    if (cgroup[0] == 0) return sys_fork();
    long directory = sys_open(cgroup, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (directory < 0) {
        *stage = STAGE_CONTAINER;
        return directory;
    }
    struct clone_args arguments = {
        .flags = CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)directory,
    };
    long pid = SYS_2(__NR_clone3, &arguments, sizeof arguments);
    if (pid != 0) (void)sys_close((int)directory);
    return pid;
}

static void need(const struct birth *birth, enum stage stage, long result)
{
    if (result < 0) birth_fail(birth->status, stage, result);
}

static int open_flags(uint32_t flags)
{
    int result = O_NOCTTY | O_CLOEXEC;
    bool reads = (flags & FILE_READ) != 0;
    bool writes = (flags & FILE_WRITE) != 0;
    result |= reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
    if (flags & FILE_CREATE) result |= O_CREAT;
    if (flags & FILE_TRUNCATE) result |= O_TRUNC;
    if (flags & FILE_APPEND) result |= O_APPEND;
    if (flags & FILE_EXCLUSIVE) result |= O_EXCL;
    return result;
}

/* An owner's event loop sets its own streams to non-blocking, which programs do not expect of theirs. */
static long make_blocking(int fd)
{
    long flags = sys_fcntl(fd, F_GETFL, 0);
    if (flags < 0) return flags;
    return flags & O_NONBLOCK ? sys_fcntl(fd, F_SETFL, flags & ~(long)O_NONBLOCK) : 0;
}

static long place_file(const char *path, int flags, uint32_t mode, int target)
{
    long fd = sys_open(path, flags, mode);
    if (fd < 0) return fd;
    if (fd == target) return sys_fcntl(target, F_SETFD, 0);
    long placed = sys_dup_to((int)fd, target, 0);
    (void)sys_close((int)fd);
    return placed;
}

static long place_stream(const struct birth *birth, int target)
{
    const struct stream *stream = &birth->request->streams[target];
    switch (stream->kind) {
    case STREAM_NULL:
        return place_file("/dev/null", O_RDWR | O_CLOEXEC, 0, target);
    case STREAM_INHERIT:
        return make_blocking(target);
    case STREAM_FILE:
        return place_file(stream->path, open_flags(stream->flags), stream->mode, target);
    case STREAM_SAME:
        return sys_dup_to(stream->same, target, 0);
    default:
        return sys_dup_to(birth->streams[target], target, 0);
    }
}

static void place_streams(const struct birth *birth)
{
    for (int target = 0; target < 3; target++) need(birth, STAGE_STREAM, place_stream(birth, target));
}

static void set_limits(const struct birth *birth)
{
    const struct attributes *attributes = &birth->request->attributes;
    if (birth->descriptors != NULL) {
        need(birth, STAGE_LIMITS, SYS_4(__NR_prlimit64, 0, RLIMIT_NOFILE, birth->descriptors, 0));
    }
    for (uint32_t i = 0; i < attributes->limit_count; i++) {
        const struct resource_limit *wanted = &attributes->limits[i];
        struct sys_limit limit = {wanted->soft, wanted->hard};
        need(birth, STAGE_LIMITS, SYS_4(__NR_prlimit64, 0, wanted->resource, &limit, 0));
    }
}

/* Of a set that this machine or its cpuset has only in part, the kernel takes that part (sched_setaffinity(2), EINVAL); who
 * names processors gets all of them or no start. */
static long set_affinity(const struct attributes *attributes)
{
    _Alignas(unsigned long) uint8_t given[1024] = {0}; /* 8192 processors, as many as any kernel is built for */
    uint32_t size = attributes->affinity_size;
    long result = SYS_3(__NR_sched_setaffinity, 0, size, attributes->affinity);
    if (result >= 0) result = SYS_3(__NR_sched_getaffinity, 0, sizeof given, given);
    if (result < 0) return result;
    for (uint32_t i = 0; i < size; i++) {
        if ((attributes->affinity[i] & ~given[i]) != 0) return -EINVAL;
    }
    return 0;
}

static void set_scheduling(const struct birth *birth)
{
    const struct attributes *attributes = &birth->request->attributes;
    uint32_t present = attributes->present;
    if (present & ATTRIBUTE_UMASK) (void)SYS_1(__NR_umask, attributes->umask);
    if (present & ATTRIBUTE_NICE) {
        need(birth, STAGE_NICE, SYS_3(__NR_setpriority, PRIO_PROCESS, 0, attributes->nice));
    }
    if (present & ATTRIBUTE_IO_PRIORITY) {
        need(birth, STAGE_IO_PRIORITY, SYS_3(__NR_ioprio_set, IO_PRIORITY_PROCESS, 0, attributes->io_priority));
    }
    if (present & ATTRIBUTE_AFFINITY) {
        need(birth, STAGE_AFFINITY, set_affinity(attributes));
    }
}

/* Groups before gid before uid: each step needs the rights that the next gives away. */
static void set_identity(const struct birth *birth)
{
    const struct attributes *attributes = &birth->request->attributes;
    uint32_t present = attributes->present;
    uint32_t gid = attributes->gid;
    uint32_t uid = attributes->uid;
    if (present & ATTRIBUTE_GROUPS) {
        need(birth, STAGE_GROUPS, SYS_2(__NR_setgroups, attributes->group_count, attributes->groups));
    }
    if (present & ATTRIBUTE_GID) need(birth, STAGE_GID, SYS_3(__NR_setresgid, gid, gid, gid));
    if (present & ATTRIBUTE_UID) {
        /* With root the kernel takes root's rights; those that another user hands down would come along (capabilities(7)). */
        need(birth, STAGE_UID, sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL));
        need(birth, STAGE_UID, SYS_3(__NR_setresuid, uid, uid, uid));
    }
    if (present & ATTRIBUTE_NO_NEW_PRIVILEGES) {
        need(birth, STAGE_NO_NEW_PRIVILEGES, sys_prctl(PR_SET_NO_NEW_PRIVS, 1));
    }
}

/* The lowest number that is nobody's: behind what the launcher leaves open, or behind those that the request names. */
static int first_free(const struct birth *birth)
{
    const struct attributes *attributes = &birth->request->attributes;
    if (attributes->present & ATTRIBUTE_KEEP_DESCRIPTORS) return birth->status;
    uint32_t count = attributes->descriptor_count;
    return count == 0 ? 3 : (int)attributes->descriptors[count - 1].fd + 1;
}

static int move_above(const struct birth *birth, int fd, int limit)
{
    if (fd < 0 || fd >= limit) return fd;
    long moved = sys_fcntl(fd, F_DUPFD_CLOEXEC, limit);
    need(birth, STAGE_DESCRIPTORS, moved);
    return (int)moved;
}

static int place(const struct birth *birth, int fd, int target, int flags)
{
    if (fd != target) need(birth, STAGE_DESCRIPTORS, sys_dup_to(fd, target, flags));
    return target;
}

/*
 * Puts the descriptors that the request names in their places, what is still needed behind them, and closes everything
 * else: it holds ends of others, and what comes may take as long as a file or a directory takes to open. First all of it is
 * moved out of the way, since any may have the number of another.
 */
static struct birth gather(const struct birth *birth)
{
    const struct attributes *attributes = &birth->request->attributes;
    uint32_t count = attributes->descriptor_count;
    int first = first_free(birth);
    int limit = first + 4; /* the status pipe and three streams */
    int moved[DESCRIPTORS_MAX];
    struct birth kept = *birth;
    kept.status = move_above(birth, birth->status, limit);
    for (int i = 0; i < 3; i++) kept.streams[i] = move_above(birth, birth->streams[i], limit);
    for (uint32_t i = 0; i < count; i++) moved[i] = move_above(birth, birth->descriptors_made[i], limit);
    for (int fd = 3; count > 0 && fd < first; fd++) (void)sys_close(fd);
    for (uint32_t i = 0; i < count; i++) (void)place(&kept, moved[i], (int)attributes->descriptors[i].fd, 0);
    kept.status = place(&kept, kept.status, first++, O_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        if (kept.streams[i] >= 0) kept.streams[i] = place(&kept, kept.streams[i], first++, O_CLOEXEC);
    }
    need(&kept, STAGE_DESCRIPTORS, descriptors_close(first));
    return kept;
}

void birth_run(const struct birth *birth)
{
    const struct spawn_request *request = birth->request;
    uint32_t present = request->attributes.present;
    if (present & ATTRIBUTE_SESSION) need(birth, STAGE_SESSION, SYS_0(__NR_setsid));
    if (birth->takes_terminal) need(birth, STAGE_TERMINAL, terminal_take());
    struct birth kept = gather(birth); /* before the limits, which may leave no room to move what is here now */
    place_streams(&kept);
    set_limits(&kept);
    set_scheduling(&kept);
    if (request->directory[0] != 0) need(&kept, STAGE_DIRECTORY, SYS_1(__NR_chdir, request->directory));
    set_identity(&kept);
    report(kept.status, STAGE_EXECUTING, (int32_t)sys_getpid());
    need(&kept, STAGE_SIGNALS, sys_set_mask(0));
    need(&kept, STAGE_EXEC, SYS_3(__NR_execve, request->file, birth->arguments, birth->environment));
    sys_exit(EXIT_NOT_STARTED);
}
