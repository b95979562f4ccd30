#include "pipes.h"

#include "children.h"
#include "sys.h"

#define WIDE 262144
#define CHILDREN_MOST 64u

void pipes_widen(int fd)
{
    if (children_count() <= CHILDREN_MOST) (void)sys_fcntl(fd, F_SETPIPE_SZ, WIDE);
}
