/// The journal of a worker: a memory file that parent and worker share, in which the worker keeps what must outlive it.
///
/// ```
/// offset  size
///      0     8  the id of the task that runs, 0 when none does
///      8     8  bytes of answers in half 0
///     16     8  bytes of answers in half 1
///     24     8  when the task that runs was started: nanoseconds of CLOCK_MONOTONIC
///     32     8  the task for which the worker has ended itself, 0 for none
///     40     8  why: 1 its time limit, 2 it went on after it was cancelled, 3 memory
///     48     8  for memory: how many bytes it had
///     56     8  the half with the older answers, if both have some
///     64  64Ki  half 0: frames of the call protocol
///  65600  64Ki  half 1
/// ```
///
/// Each number is one atomic store of the worker, after what it speaks of. Answers are collected in one half while the
/// other is being sent; a half is counted as empty when it has gone out. The parent looks only when the worker is dead:
/// then nothing changes any more, and what it finds is exactly what had been done. Only the first and the fourth number are
/// looked at before, to see how long a task has been running.
enum JournalLayout {
    static let runningOffset = 0
    static let lengthOffsets = [8, 16]
    static let startOffset = 24
    static let judgedOffset = 32
    static let reasonOffset = 40
    static let memoryOffset = 48
    static let olderOffset = 56
    static let headerSize = 64
    static let halfSize = 64 * 1024
    static let halfOffsets = [64, 64 + halfSize]
    static let fileSize = 64 + 2 * halfSize
}
