#include "cbase_process.h"
#include <errno.h>
#include <time.h>

static uint64_t clock_nanoseconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t cbase_now(void)
{
    return clock_nanoseconds(CLOCK_MONOTONIC);
}

uint64_t cbase_processor_time(void)
{
    return clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
}

void cbase_sleep(uint64_t nanoseconds)
{
    struct timespec left = {.tv_sec = (time_t)(nanoseconds / 1000000000u)};
    left.tv_nsec = (long)(nanoseconds % 1000000000u);
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}
