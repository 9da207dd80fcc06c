import IPCSystem
import Synchronization

extension StreamDescriptor {
    /// Runs `body` with the number, which stays open meanwhile: for calls that are not behind an end's lock.
    ///
    /// - Throws: `.closed` when no end uses the descriptor any more.
    package func withNumber<Result>(
        _ doing: StaticString, _ body: (Int32) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        var current = uses.load(ordering: .relaxed)
        while true {
            guard current > 0 else { throw .closed("\(doing)") }
            let (exchanged, found) = uses.compareExchange(
                expected: current, desired: current + 1, ordering: .acquiringAndReleasing)
            if exchanged { break }
            current = found
        }
        defer { endUse() }
        return try body(number)
    }

    /// Whether the end that a read has found is only that nobody has opened this FIFO for writing yet. The kernel calls
    /// it hung up once a writer has come and gone since this descriptor was opened. pipe(7), fifo(7).
    func awaitsFirstWriter() throws(IPCError) -> Bool {
        guard mayLackWriter else { return false }
        return try mapping("receive") { () throws(SystemCallError) in
            try PipeCalls.readiness(number, for: .readable).isDisjoint(with: [.hungUp, .error])
        }
    }
}
