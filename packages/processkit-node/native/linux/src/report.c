#include "report.h"

void report_id(struct event *event, enum event_type type, uint32_t id)
{
    event_begin(event, (uint16_t)type);
    event_u32(event, id);
    event_end(event);
}

void report_done(struct event *event, uint32_t token, int error, unsigned count)
{
    event_begin(event, EVENT_DONE);
    event_u32(event, token);
    event_u32(event, (uint32_t)error);
    event_u32(event, count);
    event_end(event);
}

static uint64_t microseconds(int64_t seconds, int64_t rest) { return (uint64_t)(seconds * 1000000 + rest); }

void report_exited(struct event *event, uint32_t id, int status, const struct rusage *usage, enum own_cgroup cgroup)
{
    event_begin(event, EVENT_EXITED);
    event_u32(event, id);
    event_u32(event, (uint32_t)status);
    event_u64(event, microseconds(usage->ru_utime.tv_sec, usage->ru_utime.tv_usec));
    event_u64(event, microseconds(usage->ru_stime.tv_sec, usage->ru_stime.tv_usec));
    event_u64(event, (uint64_t)usage->ru_maxrss * 1024);
    event_u16(event, (uint16_t)cgroup);
    event_end(event);
}
