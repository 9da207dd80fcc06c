import CIPC

/// Claims on single bytes of a file: whoever has one is the writer, or the reader of that slot. A claim belongs to an open
/// file (not to a process, a thread or a descriptor), and the kernel drops it when the last descriptor of that open file is
/// closed: at the latest when the last thread of a killed process is gone. fcntl(2) F_OFD_SETLK.
///
/// A claim is a write lock. Whoever may *read* the file can lock bytes of it for reading: nobody takes that for a claim, but
/// as long as it lasts nobody can claim those bytes. So let those alone read the file who may keep others out.
package enum ClaimCalls {
    /// Claims a byte; false while another open file has it. The file must be open for writing.
    package static func tryTake(_ number: Int32, byte: UInt64) throws(SystemCallError) -> Bool {
        try retryingUnlessBlocked(.fcntl) { cipc_claim_take(number, byte) } != nil
    }

    /// Gives a claim back.
    package static func drop(_ number: Int32, byte: UInt64) throws(SystemCallError) {
        _ = try retrying(.fcntl) { cipc_claim_drop(number, byte) }
    }

    /// Whether another open file than this one has claimed the byte. The file may be open for reading alone.
    package static func isTaken(_ number: Int32, byte: UInt64) throws(SystemCallError) -> Bool {
        try retrying(.fcntl) { cipc_claim_is_taken(number, byte) } != 0
    }
}
