#include "children.h"

#include <stddef.h>

#include "protocol.h"
#include "text.h"

#define BUCKETS 16384u

/* Entry 0 is nobody. Entries are used from the front, so that few children touch few pages. */
static struct child entries[CHILDREN_MAX + 1];
static uint16_t by_id[BUCKETS];
static uint16_t by_process[BUCKETS];
static uint16_t highest;
static uint16_t free_list;
static unsigned count;

static uint16_t *bucket(uint16_t *table, uint32_t key) { return &table[key % BUCKETS]; }

static uint16_t index_of(const struct child *child) { return (uint16_t)(child - entries); }

static uint16_t take_entry(void)
{
    uint16_t index = free_list;
    if (index != 0) {
        free_list = entries[index].next_by_id;
        return index;
    }
    return highest < CHILDREN_MAX ? ++highest : 0;
}

struct child *children_add(uint32_t id)
{
    if (children_by_id(id) != NULL) return NULL;
    uint16_t index = take_entry();
    if (index == 0) return NULL;
    struct child *child = &entries[index];
    uint16_t *head = bucket(by_id, id);
    *child = (struct child){.id = id, .status = -1, .channel = -1, .next_by_id = *head};
    *head = index;
    count++;
    return child;
}

void children_name(struct child *child, int process)
{
    uint16_t *head = bucket(by_process, (uint32_t)process);
    child->process = process;
    child->next_by_process = *head;
    *head = index_of(child);
}

static void unlink_id(const struct child *child)
{
    uint16_t *link = bucket(by_id, child->id);
    while (*link != 0 && *link != index_of(child)) link = &entries[*link].next_by_id;
    if (*link != 0) *link = child->next_by_id;
}

static void unlink_process(const struct child *child)
{
    uint16_t *link = bucket(by_process, (uint32_t)child->process);
    while (*link != 0 && *link != index_of(child)) link = &entries[*link].next_by_process;
    if (*link != 0) *link = child->next_by_process;
}

void children_orphan(struct child *child)
{
    if (child->process > 0) unlink_process(child);
    child->process = -1;
    child->orphaned = true;
}

void children_remove(struct child *child)
{
    unlink_id(child);
    if (child->process > 0) unlink_process(child);
    uint16_t index = index_of(child);
    *child = (struct child){.status = -1, .channel = -1, .next_by_id = free_list};
    free_list = index;
    count--;
}

struct child *children_by_id(uint32_t id)
{
    uint16_t index = *bucket(by_id, id);
    while (index != 0 && entries[index].id != id) index = entries[index].next_by_id;
    return index == 0 ? NULL : &entries[index];
}

struct child *children_by_process(int process)
{
    uint16_t index = *bucket(by_process, (uint32_t)process);
    while (index != 0 && entries[index].process != process) index = entries[index].next_by_process;
    return index == 0 ? NULL : &entries[index];
}

unsigned children_count(void) { return count; }

struct child *children_next(const struct child *child)
{
    unsigned index = child == NULL ? 1 : index_of(child) + 1u;
    while (index <= highest && entries[index].process == 0) index++;
    return index <= highest ? &entries[index] : NULL;
}
