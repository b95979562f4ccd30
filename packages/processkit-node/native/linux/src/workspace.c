#include "workspace.h"

#include "sys.h"

#define PAGE ((size_t)4096)

static struct workspace *workspace;

bool workspace_map(void)
{
    long address = SYS_6(__NR_mmap, 0, sizeof *workspace, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address < 0 && address > -(long)PAGE) return false;
    workspace = (struct workspace *)address;
    return true;
}

struct workspace *workspace_get(void) { return workspace; }

static void forget(uintptr_t from, uintptr_t to)
{
    from = (from + 65535) & ~(uintptr_t)65535; /* the largest page that these architectures have */
    if (from < to) (void)SYS_3(__NR_madvise, from, to - from, MADV_DONTNEED);
}

void workspace_trim(size_t kept)
{
    forget((uintptr_t)workspace->vector, (uintptr_t)workspace->input & ~(uintptr_t)65535);
    forget((uintptr_t)(workspace->input + kept), (uintptr_t)(workspace + 1));
}

void workspace_release(void)
{
    if (workspace != NULL) (void)SYS_2(__NR_munmap, workspace, sizeof *workspace);
    workspace = NULL;
}
