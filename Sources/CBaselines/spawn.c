/// `spawn/true`: posix_spawn with a pipe at the child's standard output, read to its end, then the exit status.
#include "cbase_message.h"
#include "cbase_process.h"
#include "cbase_work.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(const char *program, int output, pid_t *process)
{
    char *const arguments[] = {(char *)program, NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return -error;
    error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn(process, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

static int read_to_end(int descriptor)
{
    char bytes[4096];
    for (;;) {
        const ssize_t count = read(descriptor, bytes, sizeof bytes);
        if (count == 0)
            return 0;
        if (count > 0)
            return -EBADMSG;
        if (errno != EINTR)
            return -errno;
    }
}

/// One child: 0 if it said nothing and ended with status 0.
static int run(const char *program)
{
    int output[2];
    if (pipe2(output, O_CLOEXEC) < 0)
        return -errno;
    pid_t process = 0;
    int result = start(program, output[1], &process);
    close(output[1]);
    if (result == 0) {
        int status;
        result = read_to_end(output[0]);
        if (waitpid(process, &status, 0) < 0)
            result = -errno;
        else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            result = -ECHILD;
    }
    close(output[0]);
    return result;
}

int cbase_spawn(const char *program, cbase_plan plan, cbase_report *report)
{
    cbase_samples samples;
    if (cbase_samples_open(&samples, cbase_sample_capacity) < 0)
        return cbase_report_fail(report, "memory", ENOMEM);
    int result = run(program);
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    uint64_t before = report->started_ns;
    while (result == 0 && (report->measured == 0 || before < end)) {
        result = run(program);
        const uint64_t now = cbase_now();
        cbase_samples_add(&samples, now - before);
        before = now;
        report->measured++;
    }
    report->ended_ns = before;
    report->p50_ns = cbase_samples_percentile(&samples, 50);
    report->p99_ns = cbase_samples_percentile(&samples, 99);
    cbase_samples_close(&samples);
    return result == 0 ? 0 : cbase_report_fail(report, "spawn", result);
}
