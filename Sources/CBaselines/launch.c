/// Starting and ending the processes that work, and the descriptors that they work on.
#include "cbase_harness.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/// How long the control may refuse a packet before its process counts as stuck.
static const struct timeval send_limit = {.tv_sec = 30};

static int spawn_with_control(const char *const *arguments, int control, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return -error;
    error = posix_spawn_file_actions_adddup2(&actions, control, cbase_control_descriptor);
    if (error == 0)
        error = posix_spawn(process, "/proc/self/exe", &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

int cbase_launch(const char *const *arguments, pid_t *process)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &send_limit, sizeof send_limit);
    const int result = spawn_with_control(arguments, ends[1], process);
    close(ends[1]);
    if (result < 0) {
        close(ends[0]);
        return result;
    }
    return ends[0];
}

int cbase_reap(pid_t process, _Bool kill_it)
{
    if (kill_it)
        kill(process, SIGKILL);
    int status;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return status;
}

static int open_pipe(int ends[2], int capacity)
{
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    if (capacity > 0 && fcntl(ends[1], F_SETPIPE_SZ, capacity) < 0) {
        const int error = errno;
        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    return 0;
}

int cbase_open_pipes(int ends[4], int capacity)
{
    int forth[2], back[2];
    int result = open_pipe(forth, capacity);
    if (result < 0)
        return result;
    result = open_pipe(back, capacity);
    if (result < 0) {
        close(forth[0]);
        close(forth[1]);
        return result;
    }
    ends[0] = back[0];
    ends[1] = forth[1];
    ends[2] = forth[0];
    ends[3] = back[1];
    return 0;
}

int cbase_open_stream_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0 ? -errno : 0;
}

void cbase_close(int descriptor)
{
    close(descriptor);
}

int cbase_make_directory(char *path, size_t capacity)
{
    const int length = snprintf(path, capacity, "/tmp/ipcbench-XXXXXX");
    if (length < 0 || (size_t)length >= capacity)
        return -ENAMETOOLONG;
    return mkdtemp(path) ? 0 : -errno;
}

void cbase_remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    closedir(directory);
    rmdir(path);
}
