#include "descriptors.h"

#include "sys.h"
#include "text.h"

#define LISTING_SIZE 1024

static long apply(int fd, bool seal) { return seal ? sys_fcntl(fd, F_SETFD, FD_CLOEXEC) : sys_close(fd); }

/* Works through one part of the listing; answers how many descriptors were changed. */
static unsigned apply_part(const char *part, long size, int directory, int first, bool seal)
{
    unsigned changed = 0;
    for (long at = 0; at < size;) {
        const struct sys_entry *entry = (const void *)(part + at);
        const char *name = entry->name;
        uint64_t fd;
        at += entry->size;
        if (!text_number(&name, name + text_length(name), &fd)) continue;
        if ((int)fd < first || (int)fd == directory) continue;
        (void)apply((int)fd, seal);
        changed++;
    }
    return changed;
}

/* Kernels before 5.9, or a filter that forbids close_range: the descriptors are listed and changed one by one. */
static long apply_to_listed(int first, bool seal)
{
    long directory = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0) return directory;
    _Alignas(struct sys_entry) char part[LISTING_SIZE];
    unsigned changed;
    long size;
    do {
        changed = 0;
        (void)SYS_3(__NR_lseek, directory, 0, 0);
        while ((size = SYS_3(__NR_getdents64, directory, part, sizeof part)) > 0) {
            changed += apply_part(part, size, (int)directory, first, seal);
        }
    } while (changed > 0 && !seal && size >= 0); /* entries may be skipped while others vanish from the listing */
    (void)sys_close((int)directory);
    return size;
}

static long apply_from(int first, bool seal)
{
    long result = sys_close_range((unsigned)first, ~0u, seal ? CLOSE_RANGE_CLOEXEC : 0);
    return result == 0 ? 0 : apply_to_listed(first, seal);
}

long descriptors_close(int first) { return apply_from(first, false); }

long descriptors_seal(int first) { return apply_from(first, true); }
