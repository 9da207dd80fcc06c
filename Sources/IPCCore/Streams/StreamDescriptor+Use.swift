import IPCSystem

extension StreamDescriptor {
    /// Runs `body` with the number, which stays open meanwhile: for calls that are not behind an end's lock.
    ///
    /// - Throws: `.closed` when no end uses the descriptor any more.
    // Always: where it is called as a generic function, each call looks up the type of its result.
    @inlinable
    @inline(__always)
    package func withNumber<Result>(
        _ doing: StaticString, _ body: (Int32) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        try checkedBeginUse(doing)
        defer { endUse() }
        return try body(number)
    }

    @usableFromInline
    func checkedBeginUse(_ doing: StaticString) throws(IPCError) {
        if !beginUse() { throw .closed("\(doing)") }
    }

    /// What a read that found no bytes means.
    enum EmptyRead {
        /// The stream has ended.
        case end
        /// Nobody has opened this FIFO for writing yet: wait.
        case awaitsFirstWriter
        /// Bytes have come since, though their writer may be gone again: read once more.
        case bytesHaveCome
    }

    /// Asks what an end means that a read has just found: on a FIFO perhaps only that nobody has opened it for writing
    /// yet. The kernel calls it hung up once a writer has come and gone since this descriptor was opened, and readable as
    /// well as long as bytes of that writer are there. pipe(7), fifo(7).
    func meaningOfEmptyRead() throws(IPCError) -> EmptyRead {
        guard mayLackWriter else { return .end }
        let readiness = try mapping("receive") { () throws(SystemCallError) in
            try PipeCalls.readiness(number, for: .readable)
        }
        if readiness.contains(.readable) { return .bytesHaveCome }
        return readiness.isDisjoint(with: [.hungUp, .error]) ? .awaitsFirstWriter : .end
    }
}
