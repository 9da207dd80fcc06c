#include "cbase_process.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int cbase_pin(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

int cbase_processor_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

long cbase_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    return (long)limit.rlim_cur;
}

int cbase_end_with_parent(int parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

long cbase_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    if (!file)
        return -errno;
    char line[128];
    long kilobytes = -1;
    while (kilobytes < 0 && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Anonymous: %ld kB", &kilobytes) != 1)
            kilobytes = -1;
    }
    fclose(file);
    return kilobytes < 0 ? -ENODATA : kilobytes * 1024;
}

void cbase_exit(int status)
{
    _exit(status);
}

void cbase_park(void)
{
    for (;;)
        pause();
}

void cbase_print(const char *line)
{
    printf("%s\n", line);
    fflush(stdout);
}

void cbase_say(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

int cbase_process_id(void)
{
    return getpid();
}

const char *cbase_error_text(int error)
{
    return strerror(error);
}
