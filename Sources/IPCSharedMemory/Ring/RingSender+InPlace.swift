import IPCCore
import IPCSystem

/// Messages that are written where they are sent from: claimed, filled, committed or given up.
///
/// A claim holds the lock. It ends with `commit(claimed:)`, `sendClaimed` or `giveUp`.
extension RingSender {
    /// Room for a message of `count` bytes, with the lock taken; nil without it, when `claim` would wait.
    @usableFromInline
    package func tryClaim(_ count: Int) throws(IPCError) -> UnsafeMutableRawBufferPointer? {
        guard lock.tryAcquire() else { return nil }
        do throws(IPCError) {
            if let room = try unsafe claimHeld(count) { return unsafe room }
        } catch {
            release()
            throw error
        }
        release()
        return nil
    }

    /// The same, waiting for the lock and for room.
    @usableFromInline
    package func claim(_ count: Int, until deadline: Deadline) async throws(IPCError) -> UnsafeMutableRawBufferPointer {
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send", engine: link.stream.engine) }
        do throws(IPCError) {
            while true {
                if let room = try unsafe claimHeld(count) { return unsafe room }
                try await waitForRoom(bytes: dataBytes(count), until: deadline)
            }
        } catch {
            release()
            throw error
        }
    }

    @inline(__always)
    private func claimHeld(_ count: Int) throws(IPCError) -> UnsafeMutableRawBufferPointer? {
        guard count >= 0 else { throw IPCError(.invalidArgument, "send: a message cannot have \(count) bytes") }
        try checkSize(count)
        try checkState()
        if count > Int(lane.dataByteCount) {
            place = .scratch
            return unsafe scratch.room(count)
        }
        guard try hasRoom(bytes: dataBytes(count)) else { return nil }
        KillPoints.pass("ring-claimed")
        if !link.isTrusted {
            // The caller may read back what it writes, so it must not lie where the peer could change it.
            place = .scratch
            return unsafe scratch.room(count)
        }
        place = count <= RingGeometry.inlineLimit ? .slot : .data
        return place == .slot
            ? unsafe UnsafeMutableRawBufferPointer(rebasing: lane.inline(slotPosition)[..<count])
            : unsafe lane.bytes(dataPosition, count)
    }

    /// Whether what was claimed can be sent without a wait. It is so unless it is larger than the ring.
    @usableFromInline
    package func fits(_ count: Int) -> Bool { place != .scratch || count <= Int(lane.dataByteCount) }

    /// Sends the first `count` bytes of what was claimed. `fits` is true.
    @usableFromInline
    package func commit(claimed count: Int) {
        KillPoints.pass("ring-filled")
        switch place {
        case .slot: commit(.inline, count)
        case .data: commit(.whole, count)
        case .scratch:
            // Room for it was there when it was claimed, and the lock kept it.
            let bytes = unsafe UnsafeRawBufferPointer(scratch.room(count, keeping: count))
            if count <= RingGeometry.inlineLimit {
                if count > 0 { unsafe lane.inline(slotPosition).copyMemory(from: bytes) }
                commit(.inline, count)
            } else {
                unsafe lane.bytes(dataPosition, count).copyMemory(from: bytes)
                commit(.whole, count)
            }
        }
        releaseAndWake()
    }

    /// Sends the first `count` bytes of what was claimed and does not fit, waiting for room.
    @usableFromInline
    package func sendClaimed(_ count: Int, until deadline: Deadline) async throws(IPCError) {
        do throws(IPCError) {
            try await unsafe sendHeld(
                UnsafeRawBufferPointer(scratch.room(count, keeping: count)), until: deadline)
        } catch {
            scratch.release(unlessKeeping: false)
            release()
            throw error
        }
        scratch.release(unlessKeeping: false)
        releaseAndWake()
    }

    /// Sends nothing of what was claimed.
    @usableFromInline
    package func giveUp() { release() }
}
