#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

_Static_assert(SYS_mq_timedsend == CIPC_SYS_MQ_TIMEDSEND && SYS_mq_timedreceive == CIPC_SYS_MQ_TIMEDRECEIVE, "numbers");
_Static_assert(SYS_msgsnd == CIPC_SYS_MSGSND && SYS_msgrcv == CIPC_SYS_MSGRCV, "numbers of system calls");
_Static_assert(IPC_NOWAIT == CIPC_MSG_NOWAIT && MSG_NOERROR == CIPC_MSG_NOERROR && MSG_EXCEPT == CIPC_MSG_EXCEPT,
               "the flags of msgrcv");

// The system call and not mq_open(3), which is variadic and looks at the name itself.
int32_t cipc_mq_open(const char *name, int32_t flags, uint32_t mode, int64_t capacity, int64_t message_size) {
    struct mq_attr attributes = {.mq_maxmsg = capacity, .mq_msgsize = message_size};
    return RESULT(syscall(SYS_mq_open, name, flags | O_CLOEXEC, mode, capacity < 0 ? NULL : &attributes));
}

int32_t cipc_mq_unlink(const char *name) { return RESULT(syscall(SYS_mq_unlink, name)); }

int32_t cipc_mq_attributes_of(int32_t queue, cipc_mq_attributes *attributes) {
    struct mq_attr found;
    if (syscall(SYS_mq_getsetattr, queue, NULL, &found) < 0) return -errno;
    *attributes = (cipc_mq_attributes){found.mq_maxmsg, found.mq_msgsize, found.mq_curmsgs};
    return 0;
}

// What getrlimit(2) says for Linux since 3.5, where struct posix_msg_tree_node has 48 bytes.
uint64_t cipc_mq_byte_count(int64_t capacity, int64_t message_size) {
    uint64_t nodes = (uint64_t)(capacity < 32768 ? capacity : 32768);
    return (uint64_t)capacity * (8 + (uint64_t)message_size) + nodes * 48;
}

uint64_t cipc_mq_byte_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MSGQUEUE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    return limit.rlim_cur;
}

int32_t cipc_msg_get(int32_t key, int32_t create, int32_t exclusive, uint32_t mode) {
    int flags = (create ? IPC_CREAT : 0) | (exclusive ? IPC_EXCL : 0) | (int)(mode & 0777);
    return RESULT(msgget(key, flags));
}

static void convert(int32_t queue, const struct msqid_ds *from, cipc_msg_status *to) {
    to->key = from->msg_perm.__key;
    to->queue = queue;
    to->owner = from->msg_perm.uid;
    to->group = from->msg_perm.gid;
    to->mode = from->msg_perm.mode & 0777;
    to->depth = from->msg_qnum;
    to->byte_count = from->__msg_cbytes;
    to->byte_limit = from->msg_qbytes;
    to->last_sender = from->msg_lspid;
    to->last_receiver = from->msg_lrpid;
    to->last_send = from->msg_stime;
    to->last_receive = from->msg_rtime;
    to->last_change = from->msg_ctime;
}

int32_t cipc_msg_stat(int32_t queue, cipc_msg_status *status) {
    struct msqid_ds found;
    if (msgctl(queue, IPC_STAT, &found) < 0) return -errno;
    convert(queue, &found, status);
    return 0;
}

int32_t cipc_msg_stat_index(int32_t index, cipc_msg_status *status) {
    struct msqid_ds found;
    int queue = msgctl(index, MSG_STAT_ANY, &found);
    if (queue < 0) return -errno;
    convert(queue, &found, status);
    return queue;
}

int32_t cipc_msg_highest_index(void) {
    struct msginfo found;
    return RESULT(msgctl(0, MSG_INFO, (struct msqid_ds *)&found));
}

int32_t cipc_msg_limits_of_system(cipc_msg_limits *limits) {
    struct msginfo found;
    if (msgctl(0, IPC_INFO, (struct msqid_ds *)&found) < 0) return -errno;
    *limits = (cipc_msg_limits){(uint64_t)found.msgmax, (uint64_t)found.msgmnb, (uint64_t)found.msgmni};
    return 0;
}

int32_t cipc_msg_set(int32_t queue, uint32_t mode, uint64_t byte_limit) {
    struct msqid_ds found;
    if (msgctl(queue, IPC_STAT, &found) < 0) return -errno;
    found.msg_perm.mode = mode & 0777;
    found.msg_qbytes = byte_limit;
    return RESULT(msgctl(queue, IPC_SET, &found));
}

int32_t cipc_msg_remove(int32_t queue) { return RESULT(msgctl(queue, IPC_RMID, NULL)); }
