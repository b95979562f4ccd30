#include "cgroups.h"

#include "sys.h"
#include "text.h"

#define DEPTH_MAX 256 /* a descriptor and a kilobyte of the stack for each level */

/* The file that kills is opened at once, so that no descriptor is needed when it must be written. */
struct guarded {
    char path[GUARDED_PATH_MAX];
    int kill;
    bool used;
    uint32_t number; /* never given twice, so that a place in one that was released is none in its successor */
};

static struct guarded guarded[GUARDED_MAX];
static uint32_t last_number;

static struct guarded *find(const char *path)
{
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        if (guarded[i].used && text_equal(guarded[i].path, path)) return &guarded[i];
    }
    return NULL;
}

static long open_in(const char *directory, const char *name)
{
    char path[PATH_SIZE];
    struct builder text = text_build(path, sizeof path);
    text_add(&text, directory);
    text_add(&text, name);
    return text.full ? -ENAMETOOLONG : sys_open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
}

static long fill(struct guarded *entry, const char *path)
{
    long kill = open_in(path, "/cgroup.kill");
    if (kill < 0) return kill;
    memcpy(entry->path, path, text_length(path) + 1);
    entry->kill = (int)kill;
    entry->used = true;
    entry->number = ++last_number;
    return 0;
}

long cgroups_guard(const char *path)
{
    if (path[0] != '/') return -EINVAL;
    if (text_length(path) >= GUARDED_PATH_MAX) return -ENAMETOOLONG;
    if (find(path) != NULL) return 0;
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        if (!guarded[i].used) return fill(&guarded[i], path);
    }
    return -ENOSPC;
}

long cgroups_release(const char *path)
{
    struct guarded *entry = find(path);
    if (entry == NULL) return 0;
    entry->used = false;
    return sys_close(entry->kill);
}

/* The open file is of no use when the directory was removed and made anew; then it is opened again. */
static void kill_one(struct guarded *entry)
{
    if (sys_write(entry->kill, "1", 1) == 1) return;
    long kill = open_in(entry->path, "/cgroup.kill");
    if (kill < 0) return;
    (void)sys_write((int)kill, "1", 1);
    (void)sys_close((int)kill);
}

void cgroups_kill(void)
{
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        if (guarded[i].used) kill_one(&guarded[i]);
    }
}

static bool is_gone(long result) { return result == 0 || result == -ENOENT; }

static long remove_directory(int parent, const char *name) { return SYS_3(__NR_unlinkat, parent, name, AT_REMOVEDIR); }

static bool remove_tree(int parent, const char *name, int depth);

static bool is_below(const struct sys_entry *entry)
{
    return entry->type == SYS_DT_DIR && !text_equal(entry->name, ".") && !text_equal(entry->name, "..");
}

static void remove_below(int directory, int depth)
{
    _Alignas(struct sys_entry) char part[1024];
    long size;
    while ((size = SYS_3(__NR_getdents64, directory, part, sizeof part)) > 0) {
        for (long at = 0; at < size;) {
            const struct sys_entry *entry = (const void *)(part + at);
            at += entry->size;
            if (is_below(entry)) remove_tree(directory, entry->name, depth + 1);
        }
    }
}

/* Depth first: a directory can be removed once nobody and no directory is in it. */
static bool remove_tree(int parent, const char *name, int depth)
{
    if (is_gone(remove_directory(parent, name))) return true;
    if (depth == DEPTH_MAX) return false;
    long directory = sys_open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0) return directory == -ENOENT;
    remove_below((int)directory, depth);
    (void)sys_close((int)directory);
    return is_gone(remove_directory(parent, name));
}

bool cgroups_remove(void)
{
    bool all = true;
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        if (!guarded[i].used) continue;
        if (remove_tree(AT_FDCWD, guarded[i].path, 0)) (void)cgroups_release(guarded[i].path);
        else all = false;
    }
    return all;
}

/* What of a path lies below a directory; null where it does not. */
static const char *below(const char *directory, const char *path)
{
    while (*directory != 0 && *directory == *path) directory++, path++;
    return *directory == 0 && *path == '/' ? path + 1 : NULL;
}

/* Whether a step of a name leads back up. */
static bool leads_up(const char *name)
{
    for (const char *step = name; *step != 0; step++) {
        bool begins = step == name || step[-1] == '/';
        if (begins && step[0] == '.' && step[1] == '.' && (step[2] == 0 || step[2] == '/')) return true;
    }
    return false;
}

static bool locate(struct cgroup_place *place, const char *path)
{
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        const char *name = guarded[i].used ? below(guarded[i].path, path) : NULL;
        if (name == NULL || leads_up(name) || text_length(name) >= sizeof place->name) continue;
        place->guard = guarded[i].number;
        memcpy(place->name, name, text_length(name) + 1);
        return true;
    }
    return false;
}

long cgroups_make(struct cgroup_place *place, const char *path)
{
    struct cgroup_place found;
    if (!locate(&found, path)) return -EINVAL;
    long result = SYS_3(__NR_mkdirat, AT_FDCWD, path, 0700);
    if (result == 0) *place = found;
    return result;
}

static const struct guarded *numbered(uint32_t number)
{
    for (unsigned i = 0; i < GUARDED_MAX; i++) {
        if (guarded[i].used && guarded[i].number == number) return &guarded[i];
    }
    return NULL;
}

bool cgroups_unmake(const struct cgroup_place *place)
{
    char path[GUARDED_PATH_MAX + OWN_CGROUP_MAX];
    const struct guarded *entry = numbered(place->guard);
    if (entry == NULL) return false;
    struct builder text = text_build(path, sizeof path);
    text_add(&text, entry->path);
    text_add(&text, "/");
    text_add(&text, place->name);
    return remove_directory(AT_FDCWD, path) == 0;
}

long cgroups_join(const char *path)
{
    long members = open_in(path, "/cgroup.procs");
    if (members < 0) return members;
    long written = sys_write((int)members, "0", 1);
    (void)sys_close((int)members);
    return written < 0 ? written : 0;
}
