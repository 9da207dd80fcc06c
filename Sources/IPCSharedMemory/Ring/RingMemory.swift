import IPCCore
import IPCSystem

/// The memory of a ring: a file whose size is sealed, and its mappings.
///
/// The file lives as long as somebody maps it or holds a descriptor of it; nothing is left when both processes are gone.
final class RingMemory: Sendable {
    let geometry: RingGeometry
    private let fixed: MappedMemory
    private let data: [MirroredMemory]

    /// An empty file of the right size, which is sealed. Its pages are taken from the system now, so that a lack of them is
    /// an error here.
    ///
    /// - Throws: `.resourceExhausted`.
    static func makeFile(_ geometry: RingGeometry) throws(IPCError) -> OwnedDescriptor {
        try mapping("make a ring") { () throws(SystemCallError) in
            let file = try MemoryCalls.makeFile("swift-ipc-ring")
            try MemoryCalls.allocate(file.number, size: geometry.byteCount)
            try MemoryCalls.seal(file.number, .size)
            return file
        }
    }

    /// Makes a ring in such a file.
    static func make(in file: Int32, _ geometry: RingGeometry) throws(IPCError) -> RingMemory {
        let memory = try RingMemory(mapping: file, geometry)
        let header = memory.fixed.bytes
        header.word32(RingGeometry.Header.version).storeRelaxed(RingGeometry.version)
        header.word32(RingGeometry.Header.slotCount).storeRelaxed(UInt32(geometry.slotCount))
        header.word64(RingGeometry.Header.dataByteCount).storeRelaxed(UInt64(geometry.dataByteCount))
        header.word64(RingGeometry.Header.magic).storeReleasing(RingGeometry.magic)
        return memory
    }

    /// Takes over memory that somebody else made.
    ///
    /// - Throws: `.protocolViolation` when its size could still change, which would be a SIGBUS here, or is not what
    ///   `geometry` says; `.wrongMagic`, `.wrongVersion`; `.resourceExhausted`.
    static func adopt(_ number: Int32, _ geometry: RingGeometry) throws(IPCError) -> RingMemory {
        let seals: MemoryCalls.Seals
        do throws(SystemCallError) {
            seals = try MemoryCalls.seals(of: number)
        } catch {
            throw IPCError(.protocolViolation, "open a ring: the peer sent a descriptor that is no sealed memory")
        }
        guard seals.isSuperset(of: .size) else {
            throw IPCError(.protocolViolation, "open a ring: the size of the peer's memory is not sealed")
        }
        let size = try mapping("open a ring") { () throws(SystemCallError) in try FileCalls.status(of: number).size }
        guard size == geometry.byteCount else {
            throw IPCError(
                .protocolViolation,
                "open a ring: the peer's memory has \(size) bytes where \(geometry.byteCount) are expected")
        }
        let memory = try RingMemory(mapping: number, geometry)
        let header = memory.fixed.bytes
        guard header.word64(RingGeometry.Header.magic).loadAcquiring() == RingGeometry.magic else {
            throw IPCError(.wrongMagic, "open a ring: the peer's memory is no ring")
        }
        let version = header.word32(RingGeometry.Header.version).loadRelaxed()
        guard version == RingGeometry.version else {
            throw IPCError(
                .wrongVersion, "open a ring: version \(version) where \(RingGeometry.version) is expected")
        }
        guard header.word32(RingGeometry.Header.slotCount).loadRelaxed() == UInt32(geometry.slotCount),
            header.word64(RingGeometry.Header.dataByteCount).loadRelaxed() == UInt64(geometry.dataByteCount)
        else { throw IPCError(.protocolViolation, "open a ring: the memory contradicts what the peer said of it") }
        return memory
    }

    private init(mapping number: Int32, _ geometry: RingGeometry) throws(IPCError) {
        (fixed, data) = try mapping("map a ring") { () throws(SystemCallError) in
            let size = geometry.dataByteCount
            return (
                try MappedMemory(number, byteCount: geometry.fixedByteCount),
                [
                    try MirroredMemory(number, offset: geometry.dataOffset(0), byteCount: size),
                    try MirroredMemory(number, offset: geometry.dataOffset(1), byteCount: size),
                ]
            )
        }
        self.geometry = geometry
    }

    /// The direction in which side `sender` sends.
    func lane(_ sender: Int) -> RingLane {
        let control = fixed.bytes.slice(
            RingGeometry.controlOffset + sender * RingGeometry.controlByteCount, RingGeometry.controlByteCount)
        let slots = fixed.bytes.slice(
            geometry.slotsOffset + sender * geometry.slotsByteCount, geometry.slotsByteCount)
        return RingLane(control, slots, data[sender].bytes, geometry)
    }
}
