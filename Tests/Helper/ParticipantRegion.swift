import IPCCore
import IPCParticipants
import IPCSystem

/// A region for participants without what makes it a public one: header page, table, and room for a few words.
struct ParticipantRegion {
    static let room = 4096

    let memory: MappedMemory
    let file: OwnedDescriptorBox
    let slotCount: Int

    final class OwnedDescriptorBox: Sendable {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    /// Maps the region at `path`; makes it if there is none.
    init(_ path: String, slotCount: Int) throws {
        let size = ParticipantLayout.byteCount(slotCount: slotCount) + Self.room
        let descriptor = try FileCalls.open(path, [.readWrite, .create])
        if try FileCalls.status(of: descriptor.number).size < UInt64(size) {
            try FileCalls.truncate(descriptor.number, to: size)
        }
        memory = try MappedMemory(
            descriptor.number, byteCount: size, .init(privateBytesBelow: ParticipantLayout.privateBytesBelow))
        file = OwnedDescriptorBox(descriptor)
        self.slotCount = slotCount
    }

    func attach(within limit: Duration = .seconds(120)) throws(IPCError) -> Participant {
        try Participant.attachBlocking(
            to: memory, file: file.descriptor.number, slotCount: slotCount, until: .after(limit))
    }

    /// The words of the test, after the table.
    var words: SharedBytes { memory.bytes.slice(ParticipantLayout.byteCount(slotCount: slotCount), Self.room) }
}
