/*
 * What a pipeline costs without any library: pipes, forks, exec, and a wait for all. The last program writes to our output.
 *
 * usage: pipeline program [argument…] [--- program [argument…]]…
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int separator(char **argv)
{
    int i = 0;
    while (argv[i] != NULL && strcmp(argv[i], "---") != 0) i++;
    return i;
}

int main(int argc, char **argv)
{
    char **stage = argv + 1;
    int input = 0;
    int failed = argc < 2;
    while (*stage != NULL) {
        int length = separator(stage);
        int is_last = stage[length] == NULL;
        int ends[2] = {0, 1};
        if (!is_last && pipe(ends) < 0) return 1;
        stage[length] = NULL;
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) {
            dup2(input, 0);
            dup2(ends[1], 1);
            if (input != 0) close(input);
            if (!is_last) {
                close(ends[0]);
                close(ends[1]);
            }
            execvp(stage[0], stage);
            _exit(127);
        }
        if (input != 0) close(input);
        if (!is_last) close(ends[1]);
        input = ends[0];
        stage += length + (is_last ? 0 : 1);
    }
    int status;
    while (wait(&status) > 0) failed |= status != 0;
    return failed;
}
