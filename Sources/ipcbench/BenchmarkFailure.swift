import CBaselines

/// Why a measurement has no result.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// A call of the harness that returned a negative errno.
    init(_ step: String, _ result: some BinaryInteger) {
        let text = unsafe String(cString: cbase_error_text(Int32(result.magnitude)))
        description = "\(step): \(text)"
    }
}

/// The result of a call of the harness if it is not negative.
func checked<Result: SignedInteger>(_ step: String, _ result: Result) throws(BenchmarkFailure) -> Result {
    guard result >= 0 else { throw BenchmarkFailure(step, result) }
    return result
}

/// Writes a line to standard output at once, so that a row is seen when it is known.
func show(_ line: String) {
    unsafe cbase_print(line)
}

/// Writes a line to standard error.
func say(_ line: String) {
    unsafe cbase_say(line)
}
