/// What a lock word says of its owner: a slot of the participant table and the generation of the participant in it.
///
/// 64 bits, so that 47 are left for the generation, which then never repeats in practice:
///
///     bits 0...15    slot + 1 (0: no owner)
///     bits 16...30   the low 15 bits of the generation
///     bit  31        somebody sleeps on the word
///     bits 32...63   the next 32 bits of the generation
///
/// The low half is the futex, so whoever sleeps on it sees a new owner and the sleepers' bit.
@usableFromInline
package struct OwnerWord: Sendable, Equatable {
    /// Set by whoever goes to sleep on the word: its owner wakes one sleeper when he lets go.
    @inlinable package static var sleepersBit: UInt64 { 1 << 31 }
    /// The bits of a generation that a word has room for.
    package static let generationMask: UInt64 = (1 << 47) - 1

    @usableFromInline package let rawValue: UInt64

    @inlinable
    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The word of the participant in `slot` with this generation, without sleepers.
    package init(slot: Int, generation: UInt64) {
        rawValue = UInt64(slot + 1) | (generation & 0x7fff) << 16 | ((generation >> 15) & 0xffff_ffff) << 32
    }

    /// Whether it names nobody at all: a free lock.
    @inlinable package var isFree: Bool { rawValue & ~Self.sleepersBit == 0 }

    /// The index that it names. It may come from a hostile peer: -1, or beyond the table.
    package var slot: Int { Int(rawValue & 0xffff) - 1 }

    /// The low 47 bits of the generation.
    package var generation: UInt64 { rawValue >> 16 & 0x7fff | (rawValue >> 32) << 15 }

    /// The same owner, whoever sleeps.
    @inlinable package var withoutSleepers: OwnerWord { OwnerWord(rawValue: rawValue & ~Self.sleepersBit) }
}
