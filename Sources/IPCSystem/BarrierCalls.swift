public import CIPC

/// Barriers that one process has others pass. membarrier(2).
///
/// A pair of "I write mine, then read yours" needs a full barrier on both sides, which is dear where one side comes by
/// all the time and the other hardly ever. With this the rare side pays for both.
package enum BarrierCalls {
    /// Whether this process takes part: then ``everywhere()`` of any process reaches its threads, and its own reaches
    /// theirs.
    package static let isRegistered: Bool = {
        (try? retrying(.membarrier) { cipc_register_for_barriers() }) != nil
    }()

    /// Every thread of every process that takes part passes a full barrier before this returns.
    package static func everywhere() throws(SystemCallError) {
        _ = try retrying(.membarrier) { cipc_barrier_everywhere() }
    }
}

/// Hints to the processor.
@usableFromInline
package enum Processor {
    /// That this is a spin.
    @inlinable
    @inline(__always)
    package static func pause() { cipc_pause() }

    /// That the cache line at `address` will be written soon.
    @inlinable
    @inline(__always)
    package static func prepareToWrite(_ address: UnsafeMutableRawPointer) {
        // SAFETY: a hint that reads nothing, whatever the address.
        unsafe cipc_prefetch_to_write(address)
    }
}
