#include "launch.h"

#include "birth.h"
#include "cgroups.h"
#include "workspace.h"

#define EXIT_NOT_SET_UP 125

static struct request request;

/* Reads until one message is whole. */
static void receive(int fd)
{
    struct workspace *workspace = workspace_get();
    size_t received = 0;
    size_t used = 0;
    for (;;) {
        switch (request_parse(&request, workspace->input, received, &used)) {
        case PARSED_REQUEST:
            if (request.type != REQUEST_SPAWN) birth_fail(fd, STAGE_REQUEST, -EPROTO);
            return;
        case PARSED_INCOMPLETE:
            break;
        default:
            birth_fail(fd, STAGE_REQUEST, -EPROTO);
        }
        long size = sys_read(fd, workspace->input + received, INPUT_SIZE - received);
        if (size == -EINTR) continue;
        if (size == -EAGAIN) {
            struct sys_poll ready = {fd, SYS_POLLIN, 0};
            (void)sys_poll(&ready, 1, -1);
            continue;
        }
        if (size <= 0) birth_fail(fd, STAGE_REQUEST, size == 0 ? -EPROTO : size);
        received += (size_t)size;
    }
}

/* Only what stays as it is, or is made in the child itself, can be asked of a launcher. */
static void check_streams(int fd)
{
    if (request.spawn.attributes.descriptor_count > 0) birth_fail(fd, STAGE_REQUEST, -EINVAL);
    for (int i = 0; i < 3; i++) {
        uint8_t kind = request.spawn.streams[i].kind;
        if (kind != STREAM_INHERIT && kind != STREAM_FILE && kind != STREAM_SAME) {
            birth_fail(fd, STAGE_REQUEST, -EINVAL);
        }
    }
}

void launch_run(int fd)
{
    if (sys_fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || !workspace_map()) sys_exit(EXIT_NOT_SET_UP);
    (void)sys_set_mask(SYS_EVERY_SIGNAL);
    receive(fd);
    check_streams(fd);
    const struct spawn_request *spawn = &request.spawn;
    const char **vector = workspace_get()->vector;
    const char **environment = vector + spawn->arguments.count + 1;
    request_vector(&spawn->arguments, vector);
    request_vector(&spawn->environment, environment);
    long joined = spawn->cgroup[0] == 0 ? 0 : cgroups_join(spawn->cgroup);
    if (joined < 0) birth_fail(fd, STAGE_CONTAINER, joined);
    struct birth birth = {
        .request = spawn,
        .arguments = vector,
        .environment = environment,
        .streams = {-1, -1, -1},
        .status = fd,
    };
    birth_run(&birth);
}
