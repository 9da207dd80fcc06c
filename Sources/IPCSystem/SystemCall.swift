/// The system calls of this package, each with one wrapper. The name is what errors show and what fault injection picks.
@usableFromInline
package enum SystemCall: String, Sendable, CaseIterable {
    case accept4, bind, chmod, clone, close, connect, dup3, execve, fchmod, fcntl, flock, fstat, ftruncate, getdents64
    case getaddrinfo, getpeername, getsockname, getsockopt, if_nametoindex, recvfrom
    case ioctl, listen, lstat, mkdir, mkfifo, open, pidfd_open, pidfd_send_signal, pipe2, prlimit, read, readlink, readv
    case recv, recvmsg, rename, rmdir, send, sendmsg, setsockopt, shutdown, socket, socketpair, splice, tee, unlink
    case epoll_create1, epoll_ctl, epoll_wait, eventfd, futex, futex_waitv, kill, pthread_create, sched_setaffinity
    case inotify_add_watch, poll, waitid, write, writev
    case chdir, close_range, environ, fchmodat2, fstatat, memfd_create, mmap, openat, pread, prctl, setpgid
    case setpriority, unlinkat
    case fallocate, ftok, linkat, madvise, mlock, msync, shmat, shmctl, shmget
    case fork, membarrier, set_robust_list
    case pthread_mutex, semctl, semget, semop
    case mq_getattr, mq_open, mq_receive, mq_send, mq_unlink, msgctl, msgget, msgrcv, msgsnd
    case rt_sigqueueinfo, rt_tgsigqueueinfo, sigaction, tgkill, timer_create
}

/// A system call that failed, and how.
@usableFromInline
package struct SystemCallError: Error, Equatable {
    @usableFromInline package let call: SystemCall
    @usableFromInline package let errno: Int32

    @usableFromInline
    package init(_ call: SystemCall, _ errno: Int32) {
        self.call = call
        self.errno = errno
    }
}
