#include "family.h"

#include "sys.h"
#include "text.h"

#define FAMILY_MAX 16384u
#define SLOTS (2 * FAMILY_MAX)
#define PASSES_MAX 32
#define KILL_PATIENCE 20
#define SIGNAL_PATIENCE 2000
#define NO_SIGNAL (-1)

static int members[FAMILY_MAX];
static bool refused[FAMILY_MAX]; /* its signal: nothing more is to be expected of this member */
static uint16_t slots[SLOTS]; /* index + 1 of the member with a pid, by hash */
static unsigned count;
static int root;
static int wanted; /* the signal for whoever is found, or NO_SIGNAL */
static struct sweep sweep;
static long deadline; /* when a search is broken off that finds somebody new all the time */

struct process {
    char state;
    int parent;
    unsigned threads;
};

static void signal_member(int pid);

static void clear(int new_root, int number, int patience)
{
    memset(slots, 0, sizeof slots);
    count = 0;
    root = new_root;
    wanted = number;
    sweep = (struct sweep){0, 0, 0};
    deadline = sys_milliseconds() + patience;
}

static bool is_over(void) { return sys_milliseconds() >= deadline; }

static uint16_t *slot_of(int pid)
{
    unsigned at = (unsigned)pid % SLOTS;
    while (slots[at] != 0 && members[slots[at] - 1] != pid) at = (at + 1) % SLOTS;
    return &slots[at];
}

static bool is_member(int pid) { return *slot_of(pid) != 0; }

/* Signals a new member at once: one that forks and ends all the time is gone when the pass is over. */
static void add(int pid)
{
    uint16_t *slot = slot_of(pid);
    if (*slot != 0 || count == FAMILY_MAX - 1 || pid <= 1) return;
    refused[count] = false;
    members[count++] = pid;
    *slot = (uint16_t)count;
    if (wanted != NO_SIGNAL) signal_member(pid);
}

/* Adds the pids of one list, which is decimal numbers with a space behind each. */
static void add_list(int list, int parent, family_skip *skip)
{
    char part[2048];
    uint64_t number = 0;
    bool inside = false;
    long size;
    do {
        size = sys_read(list, part, sizeof part);
        for (long i = 0; i < size; i++) {
            if (part[i] >= '0' && part[i] <= '9') {
                number = number * 10 + (uint64_t)(part[i] - '0');
                inside = true;
            } else if (inside) {
                int pid = (int)number;
                if (skip == NULL || parent != root || !skip(pid)) add(pid);
                number = 0;
                inside = false;
            }
        }
    } while (size > 0 && !is_over()); /* a list that grows at its end is never read to the end */
}

static void add_children_of_thread(int tasks, const char *thread, int parent, family_skip *skip)
{
    char path[64];
    struct builder text = text_build(path, sizeof path);
    text_add(&text, thread);
    text_add(&text, "/children");
    long list = text.full ? -ENAMETOOLONG : sys_open_at(tasks, path, O_RDONLY | O_CLOEXEC);
    if (list < 0) return;
    add_list((int)list, parent, skip);
    (void)sys_close((int)list);
}

static long open_process_file(int pid, const char *name, int flags)
{
    char path[64];
    struct builder text = text_build(path, sizeof path);
    text_add(&text, "/proc/");
    text_add_number(&text, (uint64_t)pid);
    text_add(&text, name);
    return sys_open(path, flags | O_RDONLY | O_CLOEXEC, 0);
}

/* A process has the children of all its threads. */
static void add_children(int parent, family_skip *skip)
{
    _Alignas(struct sys_entry) char part[1024];
    long tasks = open_process_file(parent, "/task", O_DIRECTORY);
    if (tasks < 0) return;
    long size;
    while ((size = SYS_3(__NR_getdents64, tasks, part, sizeof part)) > 0) {
        for (long at = 0; at < size;) {
            const struct sys_entry *entry = (const void *)(part + at);
            at += entry->size;
            if (entry->name[0] != '.') add_children_of_thread((int)tasks, entry->name, parent, skip);
        }
    }
    (void)sys_close((int)tasks);
}

/* Adds the children of everybody known; whoever is added is asked in the same pass. One that forks and ends, and whose child
 * does the same, could be followed for ever. */
static bool grow(family_skip *skip)
{
    unsigned before = count;
    add_children(root, skip);
    for (unsigned i = 0; i < count && !is_over(); i++) add_children(members[i], skip);
    return count > before;
}

/* Fields 3, 4 and 20 of the line, counted from the parenthesis that closes the name, which may hold anything. */
static bool parse_process(const char *line, const char *end, struct process *process)
{
    const char *at = end;
    uint64_t number = 0;
    while (at > line && at[-1] != ')') at--;
    if (at == line || end - at < 3) return false;
    process->state = at[1];
    at += 2;
    for (int field = 4; field <= 20; field++) {
        while (at < end && *at == ' ') at++;
        if (at < end && *at == '-') at++;
        if (!text_number(&at, end, &number)) return false;
        if (field == 4) process->parent = (int)number;
    }
    process->threads = (unsigned)number;
    return true;
}

static bool read_process(int pid, struct process *process)
{
    char line[1024];
    long stat = open_process_file(pid, "/stat", 0);
    if (stat < 0) return false;
    long size = sys_read((int)stat, line, sizeof line);
    (void)sys_close((int)stat);
    return size > 0 && parse_process(line, line + size, process);
}

/* The first thread of a process may have ended before the others; the kernel calls it a zombie then. */
static bool is_alive(const struct process *process)
{
    bool ended = process->state == 'Z' || process->state == 'X' || process->state == 'x';
    return !ended || process->threads > 1;
}

static bool is_ours(int pid)
{
    struct process process;
    if (!read_process(pid, &process)) return false;
    return is_alive(&process) && (process.parent == root || is_member(process.parent));
}

/* Signals the member that was added last. */
static void signal_member(int pid)
{
    long handle = SYS_2(__NR_pidfd_open, pid, 0);
    if (handle == -ESRCH) return;
    long result = -ESRCH;
    if (is_ours(pid)) {
        result = handle >= 0 ? SYS_4(__NR_pidfd_send_signal, handle, wanted, 0, 0) : sys_kill(pid, wanted);
    }
    if (handle >= 0) (void)sys_close((int)handle);
    if (result == 0) {
        sweep.reached++;
    } else if (result != -ESRCH) {
        sweep.error = (int)-result;
        refused[count - 1] = true;
    }
}

bool family_is_supported(void)
{
    char path[64];
    struct builder text = text_build(path, sizeof path);
    text_add(&text, "/proc/self/task/");
    text_add_number(&text, (uint64_t)sys_getpid());
    text_add(&text, "/children");
    long list = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (list >= 0) (void)sys_close((int)list);
    return list >= 0;
}

static struct sweep signal_all(int of, int number, int patience, family_skip *skip)
{
    clear(of, number, patience);
    for (int pass = 0; pass < PASSES_MAX && grow(skip) && !is_over(); pass++) continue;
    sweep.found = count;
    return sweep;
}

struct sweep family_signal(int of, int number, family_skip *skip)
{
    return signal_all(of, number, SIGNAL_PATIENCE, skip);
}

static bool is_stopped(int pid)
{
    struct process process;
    return !read_process(pid, &process) || process.state == 'T' || process.state == 't' || !is_alive(&process);
}

static bool are_stopped(void)
{
    for (unsigned i = 0; i < count; i++) {
        if (!refused[i] && !is_stopped(members[i])) return false;
    }
    return true;
}

/* A signal that was sent stops nobody yet: a fork that is under way is finished before, and its child is not known.
 * So the last look at who is there comes after everybody known was seen stopped. */
struct sweep family_stop(int of, int patience, family_skip *skip)
{
    clear(of, SIGSTOP, patience);
    for (;;) {
        bool settled = count > 0 && are_stopped();
        bool grown = grow(skip);
        if ((!grown && (settled || count == 0)) || is_over()) break;
        if (!grown) sys_sleep(1);
    }
    sweep.found = count;
    return sweep;
}

struct sweep family_kill(int of, family_skip *skip)
{
    (void)family_stop(of, KILL_PATIENCE, skip);
    return signal_all(of, SIGKILL, KILL_PATIENCE, skip);
}

unsigned family_list(int of, void (*visit)(int pid, void *context), void *context)
{
    unsigned living = 0;
    clear(of, NO_SIGNAL, SIGNAL_PATIENCE);
    for (int pass = 0; pass < PASSES_MAX && grow(NULL) && !is_over(); pass++) continue;
    for (unsigned i = 0; i < count; i++) {
        if (!is_ours(members[i])) continue;
        living++;
        visit(members[i], context);
    }
    return living;
}
