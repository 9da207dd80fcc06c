import IPCSystem

extension StreamDescriptor {
    /// Runs `body` with the number, which stays open meanwhile: for calls that are not behind an end's lock.
    ///
    /// - Throws: `.closed` when no end uses the descriptor any more.
    package func withNumber<Result>(
        _ doing: StaticString, _ body: (Int32) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        guard beginUse() else { throw .closed("\(doing)") }
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
