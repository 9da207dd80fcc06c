import CIPC

/// Ending a system call that blocks a thread, from another thread. See interrupt.c: there is no moment in which the end
/// could be missed, and a call that has done its work is never taken for one that was ended.
package enum InterruptCalls {
    /// A thread that makes such calls, as others reach it.
    @safe
    package struct Target: @unchecked Sendable {
        // SAFETY: the word lives as long as its thread, and whoever has a target knows that the thread lives.
        let word: UnsafeMutablePointer<UInt32>
        let thread: UInt

        /// The calling thread.
        package static var current: Target {
            unsafe Target(word: cipc_interrupt_word(), thread: cipc_interrupt_own_thread())
        }

        /// Ends the thread's call if it is in one, else its next one. The thread must live.
        package func interrupt(with signal: Int32) {
            // It fails for a thread that is gone, which the caller rules out.
            _ = unsafe cipc_interrupt_thread(thread, word, signal)
        }

        /// Forgets an end that came and was not taken. On the thread itself.
        package func rearm() {
            // SAFETY: the calling thread's own word; whoever ends its calls sets it again after what this thread looks
            // at next.
            unsafe cipc_interrupt_rearm(word)
        }
    }

    /// Makes `signal` the one that ends calls. False when the program uses it.
    package static func take(_ signal: Int32) throws(SystemCallError) -> Bool {
        do throws(SystemCallError) {
            _ = try retrying(.sigaction) { cipc_interrupt_take_signal(signal) }
            return true
        } catch {
            if error.errno == Errno.busy { return false }
            throw error
        }
    }

    /// Whether `signal` still ends calls: the program may have taken it since.
    package static func has(_ signal: Int32) -> Bool { cipc_interrupt_has_signal(signal) != 0 }

    /// Lets `signal` through to the calling thread.
    package static func admit(_ signal: Int32) { _ = cipc_interrupt_admit(signal) }

    /// Runs `body`, in which the calling thread's calls end at `instant` (CLOCK_MONOTONIC nanoseconds).
    package static func withTimer<Result, Failure: Error>(
        _ signal: Int32, at instant: UInt64, _ body: () throws(Failure) -> Result
    ) throws(TimerError<Failure>) -> Result {
        var timer: Int32 = -1
        do throws(SystemCallError) {
            _ = try retrying(.timer_create) { unsafe cipc_interrupt_timer_start(signal, instant, &timer) }
        } catch {
            throw .timer(error)
        }
        defer { _ = cipc_interrupt_timer_stop(timer) }
        do throws(Failure) {
            return try body()
        } catch {
            throw .body(error)
        }
    }

    package enum TimerError<Body: Error>: Error {
        case timer(SystemCallError)
        case body(Body)
    }

    /// One call of `body`: nil when it was ended.
    static func attempt(_ call: SystemCall, _ body: () -> Int) throws(SystemCallError) -> Int? {
        let result = IPCSystem.attempt(call, body)
        if result >= 0 { return result }
        if result == -Int(Errno.interrupted) { return nil }
        throw SystemCallError(call, Int32(-result))
    }
}
