/// The one retry loop: an interrupted call is made again, anything else negative is the call's error.
///
/// `body` returns what the C shim returns, a negative errno on failure. A call that waits computes its time-out inside
/// `body`, so that it is made again with the *remaining* time.
@inlinable
package func retrying<Result: BinaryInteger>(
    _ call: SystemCall, _ body: () -> Result
) throws(SystemCallError) -> Int {
    while true {
        let result = Int(attempt(call, body))
        if result >= 0 { return result }
        if result != -Int(Errno.interrupted) { throw SystemCallError(call, Int32(-result)) }
    }
}

/// The same for a call on a non-blocking descriptor: nil when it would block.
@inlinable
package func retryingUnlessBlocked<Result: BinaryInteger>(
    _ call: SystemCall, _ body: () -> Result
) throws(SystemCallError) -> Int? {
    while true {
        let result = Int(attempt(call, body))
        if result >= 0 { return result }
        if result == -Int(Errno.wouldBlock) { return nil }
        if result != -Int(Errno.interrupted) { throw SystemCallError(call, Int32(-result)) }
    }
}

/// One attempt: in debug builds a test may have asked for it to fail.
@inlinable
@inline(__always)
package func attempt<Result: BinaryInteger>(_ call: SystemCall, _ body: () -> Result) -> Result {
    #if DEBUG
        if let forced = FaultInjection.take(call) { return Result(-Int(forced)) }
    #endif
    return body()
}
