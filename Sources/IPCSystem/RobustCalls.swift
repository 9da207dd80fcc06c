import CIPC

/// The robust list of a keeper thread: the tokens that the kernel marks when the thread dies. set_robust_list(2).
///
/// All but ``begin()`` only write memory that is private to the process, in an order that the kernel may interrupt
/// anywhere. They are for the keeper thread alone, and for tokens with ``distance`` bytes of private memory below.
package enum RobustList {
    /// Bytes from the node of a token to the token, for every region of a keeper.
    package static let distance = Int(CIPC_ROBUST_DISTANCE)

    /// Makes this thread a keeper: no signal reaches it, and its list is empty.
    package static func begin() throws(SystemCallError) {
        _ = try retrying(.set_robust_list) { cipc_keeper_begin() }
    }

    /// From here on the kernel looks at `token` when the thread dies, whether it is in the list or not.
    package static func beginChange(_ token: SharedWord32) { unsafe cipc_keeper_begin_change(token.address) }
    package static func endChange() { cipc_keeper_end_change() }

    /// The two steps into the list.
    package static func prepareLink(_ token: SharedWord32) { unsafe cipc_keeper_prepare_link(token.address) }
    package static func link(_ token: SharedWord32) { unsafe cipc_keeper_link(token.address) }

    package static func unlink(_ token: SharedWord32) { unsafe cipc_keeper_unlink(token.address) }
}

extension SharedBytes {
    /// The word beside the node of the token at `offset`: 0 in the child of a fork. The mapping has
    /// `RobustList.distance` bytes of private memory below it.
    package func privateOwnerWord(below offset: Int) -> SharedWord64 {
        precondition(offset & 63 == 0 && contains(offset, 64) && offset + 64 <= RobustList.distance)
        // SAFETY: a slot in the first 64 KiB of the mapping has its node in the 64 KiB below the mapping.
        return unsafe SharedWord64(base + offset - RobustList.distance + MemoryLayout<UInt>.size)
    }
}

extension MappedMemory {
    /// madvise(2) MADV_WIPEONFORK of the private memory below: the child of a fork has no live list there.
    package func wipeNodesOnFork() throws(SystemCallError) {
        // SAFETY: that much private memory lies right below the mapping.
        precondition(privateBytesBelow == RobustList.distance, "no private memory below the mapping")
        _ = try retrying(.madvise) {
            unsafe cipc_advise_wipe_on_fork(bytes.base - RobustList.distance, RobustList.distance)
        }
    }
}

/// membarrier(2): makes every running thread of the machine pass through the kernel, from which those of a process that was
/// killed do not come back.
package enum DeathFence {
    /// For machines on which only the expedited form is allowed (nohz_full), and which passes registered processes alone.
    package static func register() throws(SystemCallError) {
        _ = try retrying(.membarrier) { cipc_barrier_register() }
    }

    /// When this returns, no thread of a process that the kernel had killed before writes from user space any more, and
    /// what it wrote is seen here. Takes some 10 ms, seldom 100: not on a thread of Swift's pool.
    package static func passAll() {
        precondition(cipc_barrier_all() == 0, "membarrier failed although it can be registered for")
    }
}

/// What this process calls itself, in memory that the child of a fork finds empty.
package enum ProcessIdentity {
    /// The two words: the identity, and a lock for setting it.
    private static func words() throws(SystemCallError) -> (identity: SharedWord64, lock: SharedWord64) {
        guard let words = unsafe cipc_identity_words() else { throw SystemCallError(.mmap, Errno.noMemory) }
        return unsafe (SharedWord64(words), SharedWord64(words + 1))
    }

    /// The identity, 0 when none was set since the process began.
    package static func current() throws(SystemCallError) -> UInt64 { try words().identity.loadAcquiring() }

    /// A number of this process that none of its ancestors by fork has, however the child was made; 0 without memory for it.
    package static var number: UInt64 { cipc_process_number() }

    /// Runs `make` unless there is an identity, on one thread at a time, and takes what it returns as the identity.
    ///
    /// A spin: the lock is held for an allocation, and is free in the child of a fork, whatever the parent's threads did.
    package static func establish(_ make: () -> UInt64) throws(SystemCallError) {
        let (identity, lock) = try words()
        while !lock.replaceSequential(0, with: 1).isDone { cipc_pause() }
        if identity.loadAcquiring() == 0 { identity.storeSequential(make()) }
        lock.storeSequential(0)
    }
}

/// What the kernel says of itself and of namespaces.
package enum KernelFacts {
    /// The 16 bytes of /proc/sys/kernel/random/boot_id, as two numbers in the order of the text.
    package static func bootIdentifier() throws(SystemCallError) -> (UInt64, UInt64) {
        let file = try FileCalls.open("/proc/sys/kernel/random/boot_id", .readOnly)
        let text = try FileCalls.read(file.number, at: 0, size: 64)
        let digits = text.filter { $0 != UInt8(ascii: "-") && $0 > UInt8(ascii: " ") }
        let both = String(decoding: digits, as: UTF8.self)
        guard both.count == 32, let high = UInt64(both.prefix(16), radix: 16),
            let low = UInt64(both.suffix(16), radix: 16)
        else { throw SystemCallError(.read, Errno.inputOutput) }
        return (high.bigEndian, low.bigEndian)
    }

    /// The inode of this thread's process id namespace, 0 when /proc does not tell. For people who look at a table.
    package static var processNamespace: UInt64 {
        guard let link = try? FileCalls.destination(of: "/proc/self/ns/pid") else { return 0 }
        return UInt64(link.drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }) ?? 0
    }
}
