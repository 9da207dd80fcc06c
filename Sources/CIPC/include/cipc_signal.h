// Receiving signals in a handler that writes records to a pipe, and sending them with a value.
#ifndef CIPC_SIGNAL_H
#define CIPC_SIGNAL_H

#include "cipc_types.h"

/// What a handler writes for each signal: siginfo_t, as far as this library asks. 32 bytes.
typedef struct cipc_signal_record {
    int32_t signal;
    int32_t code;
    /// si_errno, which the kernel passes on as the sender gave it.
    int32_t number;
    int32_t process;
    uint32_t user;
    /// si_status, of SIGCHLD alone: it lies where the value lies otherwise.
    int32_t status;
    uint64_t value;
} cipc_signal_record;

/// The lanes: pipes of their own, so that a flood of the one does not crowd out the other.
enum {
    CIPC_SIGNAL_LANE_EVENTS = 0,
    CIPC_SIGNAL_LANE_CHANNELS = 1,
    CIPC_SIGNAL_LANE_COUNT = 2,
};

/// The code of a record that stands for records that were lost: so that the reader looks at the counts.
#define CIPC_SIGNAL_LOSS_CODE (-2147483647)

/// Says where the records of a lane go: a non-blocking descriptor that stays open for the life of the process.
void cipc_signal_set_pipe(int32_t lane, int32_t descriptor);

/// Makes the handler the disposition of `signal`. What was the disposition before is kept for restoring and chaining.
int32_t cipc_signal_install(int32_t signal, int32_t lane);
/// Nobody receives `signal` any more: gives it the disposition that it had. 1 when done, 0 when somebody else has changed it meanwhile.
int32_t cipc_signal_restore(int32_t signal);
/// Whether the handler is the disposition of `signal` now.
int32_t cipc_signal_is_installed(int32_t signal);
/// Whether the handler calls the one that was there before, if there was one.
void cipc_signal_chain(int32_t signal, int32_t enabled);
/// How many records of `signal` did not fit into the pipe, since the process began.
uint64_t cipc_signal_lost_count(int32_t signal);
/// The same for all signals of a lane. Whoever reads a record after a loss finds it changed.
uint64_t cipc_signal_lost_of_lane(int32_t lane);
/// How many records were written to a lane's pipe, loss marks too. Changed after they were.
uint64_t cipc_signal_written_to_lane(int32_t lane);
/// Lets `signal` through to the calling thread.
void cipc_signal_admit(int32_t signal);

/// What `cipc_signal_take` did.
enum {
    CIPC_SIGNAL_TOOK_NOTHING = 0,
    CIPC_SIGNAL_TOOK = 1,
    /// Somebody has put a handler over the library's: it gets the signal as well, when this thread lets it through.
    CIPC_SIGNAL_PASSED_ON = 2,
    /// The same, and the user's queue of signals is full: it does not get it.
    CIPC_SIGNAL_TOOK_FROM_HOOK = 3,
};

/// Holds `signal` back from the calling thread. One at a time.
void cipc_signal_hold(int32_t signal);
/// Ends the hold: the handler gets what nobody has taken. A signal that was blocked before the hold stays so.
void cipc_signal_let_through(void);
/// Takes one signal that is queued for the calling thread, which holds it back, or for the process. rt_sigtimedwait(2).
int32_t cipc_signal_take(int32_t signal, cipc_signal_record *_Nonnull record);
/// Whether somebody has put a handler of his own over the library's.
int32_t cipc_signal_is_hooked(int32_t signal);
/// The signals (bit n-1 for signal n) that the calling thread holds back and let through before.
uint64_t cipc_signal_held(void);
/// Lets the signals of `set` through to the calling thread.
void cipc_signal_release(uint64_t set);

/// Sends with a value. `number` is what the receiver finds in si_errno. rt_sigqueueinfo(2), rt_tgsigqueueinfo(2).
int32_t cipc_signal_queue(int32_t process, int32_t signal, int32_t number, uint64_t value);
int32_t cipc_signal_queue_thread(int32_t process, int32_t thread, int32_t signal, int32_t number, uint64_t value);
/// pidfd_send_signal(2) with a value.
int32_t cipc_signal_queue_pidfd(int32_t pidfd, int32_t signal, int32_t number, uint64_t value);

/// pidfd_open(2), of a process or (Linux 6.9, EINVAL before) of a thread.
int32_t cipc_pidfd_open(int32_t process, int32_t is_thread);
/// tgkill(2). Signal 0 asks whether the thread is there.
int32_t cipc_thread_signal(int32_t process, int32_t thread, int32_t signal);

/// What /proc tells of a process: the signals that it catches (bit n-1 for signal n), and when it started in clock ticks
/// since the machine did. A zombie catches nothing.
int32_t cipc_signal_process_facts(int32_t process, uint64_t *_Nonnull caught, uint64_t *_Nonnull start);

/// RLIMIT_SIGPENDING of this process: how many queued signals its user may have on their way.
uint64_t cipc_signal_queue_limit(void);

/// getppid(2).
int32_t cipc_parent_process_id(void);

#endif
