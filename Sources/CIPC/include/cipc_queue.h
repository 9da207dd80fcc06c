// Message queues of the kernel: POSIX (mq_overview(7)) and System V (sysvipc(7)).
#ifndef CIPC_QUEUE_H
#define CIPC_QUEUE_H

#include "cipc_raw.h"
#include "cipc_types.h"

#if defined(__x86_64__)
#define CIPC_SYS_MQ_TIMEDSEND 242
#define CIPC_SYS_MQ_TIMEDRECEIVE 243
#define CIPC_SYS_MSGSND 69
#define CIPC_SYS_MSGRCV 70
#else
#define CIPC_SYS_MQ_TIMEDSEND 182
#define CIPC_SYS_MQ_TIMEDRECEIVE 183
#define CIPC_SYS_MSGSND 189
#define CIPC_SYS_MSGRCV 188
#endif

/// mq_open(3), close-on-exec. `name` is without the slash. `capacity` < 0: the defaults of the system.
int32_t cipc_mq_open(const char *_Nonnull name, int32_t flags, uint32_t mode, int64_t capacity, int64_t message_size);
/// mq_unlink(3). `name` is without the slash.
int32_t cipc_mq_unlink(const char *_Nonnull name);

typedef struct cipc_mq_attributes {
    int64_t capacity;
    int64_t message_size;
    int64_t depth;
} cipc_mq_attributes;
/// mq_getattr(3).
int32_t cipc_mq_attributes_of(int32_t queue, cipc_mq_attributes *_Nonnull attributes);

/// mq_send(3).
static inline long cipc_mq_send(int32_t queue, const void *_Nonnull bytes, size_t count, uint32_t priority) {
    return cipc_syscall6(CIPC_SYS_MQ_TIMEDSEND, queue, (long)bytes, (long)count, priority, 0, 0);
}

/// mq_receive(3). `count` is at least the queue's message size.
static inline long cipc_mq_receive(int32_t queue, void *_Nonnull bytes, size_t count, uint32_t *_Nonnull priority) {
    return cipc_syscall6(CIPC_SYS_MQ_TIMEDRECEIVE, queue, (long)bytes, (long)count, (long)priority, 0, 0);
}

/// The bytes that a queue counts for against RLIMIT_MSGQUEUE. getrlimit(2).
uint64_t cipc_mq_byte_count(int64_t capacity, int64_t message_size);
/// The soft RLIMIT_MSGQUEUE; UINT64_MAX for none.
uint64_t cipc_mq_byte_limit(void);

#define CIPC_MSG_NOWAIT 04000
#define CIPC_MSG_NOERROR 010000
#define CIPC_MSG_EXCEPT 020000

typedef struct cipc_msg_status {
    int32_t key;
    int32_t queue;
    uint32_t owner;
    uint32_t group;
    uint32_t mode;
    uint64_t depth;
    uint64_t byte_count;
    uint64_t byte_limit;
    int32_t last_sender;
    int32_t last_receiver;
    int64_t last_send;
    int64_t last_receive;
    int64_t last_change;
} cipc_msg_status;

typedef struct cipc_msg_limits {
    uint64_t largest_message;
    uint64_t byte_limit;
    uint64_t queue_count;
} cipc_msg_limits;

/// msgget(2).
int32_t cipc_msg_get(int32_t key, int32_t create, int32_t exclusive, uint32_t mode);
/// msgctl(2) IPC_STAT.
int32_t cipc_msg_stat(int32_t queue, cipc_msg_status *_Nonnull status);
/// msgctl(2) MSG_STAT_ANY of the table's entry `index`; the result is the queue's number.
int32_t cipc_msg_stat_index(int32_t index, cipc_msg_status *_Nonnull status);
/// msgctl(2) MSG_INFO: the highest index in use.
int32_t cipc_msg_highest_index(void);
/// msgctl(2) IPC_INFO: msgmax, msgmnb, msgmni.
int32_t cipc_msg_limits_of_system(cipc_msg_limits *_Nonnull limits);
/// msgctl(2) IPC_SET of the permissions and of msg_qbytes, with the owner as he is.
int32_t cipc_msg_set(int32_t queue, uint32_t mode, uint64_t byte_limit);
/// msgctl(2) IPC_RMID.
int32_t cipc_msg_remove(int32_t queue);

/// msgsnd(2). `message` begins with the type, a long, which `count` leaves out.
static inline long cipc_msg_send(int32_t queue, const void *_Nonnull message, size_t count, int32_t flags) {
    return cipc_syscall6(CIPC_SYS_MSGSND, queue, (long)message, (long)count, flags, 0, 0);
}

/// msgrcv(2). `message` has room for the type, a long, and `count` bytes.
static inline long cipc_msg_receive(int32_t queue, void *_Nonnull message, size_t count, int64_t type, int32_t flags) {
    return cipc_syscall6(CIPC_SYS_MSGRCV, queue, (long)message, (long)count, type, flags, 0);
}

#endif
