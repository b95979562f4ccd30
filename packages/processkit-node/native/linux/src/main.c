/*
 * Chooses the role. `host` and `terminal` take no arguments, `launch` takes the descriptor that brings its request.
 */
#include "host.h"
#include "launch.h"
#include "text.h"

#define EXIT_USAGE 125

/* So that a binary can be tried out, and a person can find out what it is. */
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)
static const char version[] = "processkit-host protocol " TEXT_OF(PROTOCOL_VERSION) "\n";

_Noreturn static void run(int count, char **arguments)
{
    uint64_t fd;
    if (count == 2 && text_equal(arguments[1], "host")) host_run(false);
    if (count == 2 && text_equal(arguments[1], "terminal")) host_run(true);
    if (count == 2 && text_equal(arguments[1], "--version")) {
        sys_exit(sys_write(1, version, sizeof version - 1) == (long)(sizeof version - 1) ? 0 : 1);
    }
    if (count == 3 && text_equal(arguments[1], "launch")) {
        const char *at = arguments[2];
        const char *end = at + text_length(at);
        if (text_number(&at, end, &fd) && at == end && fd >= 3 && fd < 1024) launch_run((int)fd);
    }
    sys_exit(EXIT_USAGE);
}

#ifdef PROCESSKIT_HOSTED
int main(int count, char **arguments) { run(count, arguments); }
#else
_Noreturn void entry(long *stack);

void entry(long *stack) { run((int)stack[0], (char **)(stack + 1)); }

/* The kernel starts a program with the argument count at the stack pointer. */
#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "  xor %ebp, %ebp\n"
        "  mov %rsp, %rdi\n"
        "  and $-16, %rsp\n"
        "  call entry\n"
        "  hlt\n");
#else
__asm__(".globl _start\n"
        "_start:\n"
        "  mov x29, #0\n"
        "  mov x30, #0\n"
        "  mov x0, sp\n"
        "  bl entry\n"
        "  brk #0\n");
#endif
#endif
