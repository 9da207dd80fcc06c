/// Where things are at the start of a region that holds shared objects: a header page, then the participant table.
///
///     0      header page; the code of the region writes it, but for these words
///     64       the kernel's boot identifier, 16 bytes
///     128      deathCount, 32 bits in a cache line of its own: every sleep in the region has it as its second word
///     192      rosterEpoch, 32 bits in a cache line of its own: counts arrivals and departures, for keepers
///     4096   the slots, 64 bytes each:
///       +0     token, 32 bits
///       +4     process id, 32 bits, for people
///       +8     generation, 64 bits, only grows
///       +16    announced, 64 bits: the highest generation whose death was announced
///       +24    instant of arrival, CLOCK_MONOTONIC nanoseconds, 64 bits, for people
///       +32    inode of the process id namespace, 64 bits, for people
///       +40    held, 64 bits: the generation that holds the lock of its life on byte 1 + slot of the file
///       +48    gone, 64 bits: the highest generation of which no thread runs any more
///
/// 960 slots end at 64 KiB, so that the private node of each slot, 64 KiB below it, lies below the region.
package enum ParticipantLayout {
    package static let headerByteCount = 4096
    package static let bootIdentifier = 64
    package static let deathCount = 128
    package static let rosterEpoch = 192
    package static let slotByteCount = 64
    /// The slots of a region unless somebody asks for another number. Some objects look at every slot.
    package static let usualSlotCount = 64
    package static let maximumSlotCount = 960
    /// Private memory to map right below the region.
    package static let privateBytesBelow = 65536

    static let token = 0
    static let processID = 4
    static let generation = 8
    static let announced = 16
    static let arrival = 24
    static let namespace = 32
    static let held = 40
    static let gone = 48

    /// The byte of the region's file that the participant in `slot` has locked for life. Byte 0 is for coming and going.
    static func lifeByte(of slot: Int) -> UInt64 { UInt64(1 + slot) }

    /// The bytes of header and table together: where objects may begin.
    package static func byteCount(slotCount: Int) -> Int { headerByteCount + slotCount * slotByteCount }
}
