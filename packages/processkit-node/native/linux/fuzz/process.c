/*
 * Fuzz target: a line of /proc/PID/stat, whose name is chosen by the process that it describes. First any bytes: nothing
 * may be read outside of them. Then any name between the parentheses of a line that the kernel would write: what follows
 * it is found, whatever the name pretends to be.
 */
/* The parser is private there. The kernel's headers and those of the C library exclude each other. */
#include "../src/family.c"

void *malloc(size_t size);
void free(void *memory);

#define assert(holds) ((holds) ? (void)0 : __builtin_trap())
#define NAME_SIZE 64 /* more than any name of a process or of a thread of the kernel */

static const char rest[] = ") S 4321 1 1 0 -1 4194304 1 0 0 0 1 2 3 4 20 0 7 0 12345 8192 1 18446744073709551615 1 1\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_copy(const char *line, size_t size, struct process *process, bool whole)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert(copy != NULL);
    memcpy(copy, line, size);
    bool parsed = parse_process(copy, copy + size, process);
    assert(parsed || !whole);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct process process = {0, 0, 0};
    parse_copy((const char *)data, size, &process, false);

    char line[NAME_SIZE + sizeof rest + 16] = "1234 (";
    size_t name = size < NAME_SIZE ? size : NAME_SIZE;
    memcpy(line + 6, data, name);
    memcpy(line + 6 + name, rest, sizeof rest - 1);
    parse_copy(line, 6 + name + sizeof rest - 1, &process, true);
    assert(process.state == 'S' && process.parent == 4321 && process.threads == 7);
    return 0;
}
