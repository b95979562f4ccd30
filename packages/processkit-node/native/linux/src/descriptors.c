#include "descriptors.h"

#include "sys.h"
#include "text.h"

#define LISTING_SIZE 1024

/* Works through one part of the listing; answers how many descriptors were closed. */
static unsigned close_part(const char *part, long size, int directory, int first)
{
    unsigned closed = 0;
    for (long at = 0; at < size;) {
        const struct sys_entry *entry = (const void *)(part + at);
        const char *name = entry->name;
        uint64_t fd;
        at += entry->size;
        if (!text_number(&name, name + text_length(name), &fd)) continue;
        if ((int)fd < first || (int)fd == directory) continue;
        (void)sys_close((int)fd);
        closed++;
    }
    return closed;
}

/* Kernels before 5.9, or a filter that forbids close_range: the descriptors are listed and closed one by one. */
static long close_listed(int first)
{
    long directory = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0) return directory;
    _Alignas(struct sys_entry) char part[LISTING_SIZE];
    unsigned closed;
    long size;
    do {
        closed = 0;
        (void)SYS_3(__NR_lseek, directory, 0, 0);
        while ((size = SYS_3(__NR_getdents64, directory, part, sizeof part)) > 0) {
            closed += close_part(part, size, (int)directory, first);
        }
    } while (closed > 0 && size >= 0); /* entries may be skipped while others vanish from the listing */
    (void)sys_close((int)directory);
    return size;
}

long descriptors_close(int first)
{
    long result = sys_close_range((unsigned)first, ~0u, 0);
    return result == 0 ? 0 : close_listed(first);
}
