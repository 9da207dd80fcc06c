import IPCSystem
import Synchronization

/// All registrations of a poller, found by index without a lock. They are made as needed, never freed, and used again.
@safe
final class RegistrationTable: @unchecked Sendable {
    private static let chunkSize = 128
    private static let chunkCount = 8192

    private struct Free {
        var indices: [UInt32] = []
        var made: UInt32 = 0
    }

    private let free = Lock(Free())
    /// The chunks, each an array of references that this table owns for ever. 0 where none was needed yet.
    private let chunks: UnsafeMutablePointer<Atomic<UInt>>

    init() {
        // SAFETY: allocated for the life of the process, and initialized at once.
        unsafe chunks = .allocate(capacity: Self.chunkCount)
        for index in 0..<Self.chunkCount { unsafe (chunks + index).initialize(to: Atomic(0)) }
    }

    deinit {
        // An engine ends only in tests that made one of their own; its registrations stay, for late events.
    }

    /// A registration for a descriptor, from those that are free.
    func take(for descriptor: Int32, engine: WaitEngine) throws(IPCError) -> Registration {
        let index = free.withLock { free -> UInt32? in
            if let index = free.indices.popLast() { return index }
            guard free.made < UInt32(Self.chunkSize * Self.chunkCount) else { return nil }
            if free.made % UInt32(Self.chunkSize) == 0 {
                let chunk = UnsafeMutablePointer<Registration>.allocate(capacity: Self.chunkSize)
                for offset in 0..<Self.chunkSize {
                    let made = Registration(index: free.made + UInt32(offset), engine: engine)
                    unsafe (chunk + offset).initialize(to: made)
                }
                let place = Int(free.made) / Self.chunkSize
                unsafe chunks[place].store(UInt(bitPattern: UnsafeRawPointer(chunk)), ordering: .releasing)
            }
            defer { free.made += 1 }
            return free.made
        }
        guard let index, let registration = find(index) else {
            throw IPCError(.resourceExhausted, "register a descriptor: this process waits on too many already")
        }
        registration.begin(descriptor)
        return registration
    }

    /// Takes back a registration that nobody waits on any more.
    func give(_ registration: Registration) {
        registration.end()
        free.withLock { $0.indices.append(registration.index) }
    }

    /// The registration of this index, if there has been one.
    func find(_ index: UInt32) -> Registration? {
        let place = Int(index) / Self.chunkSize
        guard place < Self.chunkCount else { return nil }
        let bits = unsafe chunks[place].load(ordering: .acquiring)
        guard bits != 0 else { return nil }
        // SAFETY: a chunk that is there is initialized as a whole and never freed.
        return unsafe UnsafePointer<Registration>(bitPattern: bits)![Int(index) % Self.chunkSize]
    }
}
