#include "links.h"

#include <stddef.h>

#include "pipes.h"
#include "protocol.h"
#include "sys.h"

struct link {
    uint32_t id;
    bool used;
    int ends[2]; /* reading, writing; -1 once given away */
};

static struct link links[LINKS_MAX];

static struct link *find(uint32_t id)
{
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        if (links[i].used && links[i].id == id) return &links[i];
    }
    return NULL;
}

static long make(uint32_t id, struct link **made)
{
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        if (links[i].used) continue;
        long result = sys_pipe(links[i].ends, O_CLOEXEC);
        if (result < 0) return result;
        pipes_widen(links[i].ends[1]);
        links[i].id = id;
        links[i].used = true;
        *made = &links[i];
        return 0;
    }
    return -ENOSPC;
}

long links_take(uint32_t id, bool writing)
{
    struct link *link = find(id);
    long result = link == NULL ? make(id, &link) : 0;
    if (result < 0) return result;
    int fd = link->ends[writing];
    link->ends[writing] = -1;
    if (link->ends[!writing] == -1) link->used = false;
    return fd >= 0 ? fd : -EALREADY;
}

long links_drop(uint32_t id)
{
    struct link *link = find(id);
    if (link == NULL) return -ENOENT;
    for (unsigned i = 0; i < 2; i++) {
        if (link->ends[i] >= 0) (void)sys_close(link->ends[i]);
    }
    link->used = false;
    return 0;
}
