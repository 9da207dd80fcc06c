import IPCSystem

/// Where the sender of a request waits for the answer: what goes with each message of a mailbox, zeros where nobody waits.
struct ReturnAddress: Sendable, Hashable {
    static let none = ReturnAddress(place: 0, owner: 0, number: 0)
    /// What it takes before the contents of a message of shared work. Little-endian.
    static let byteCount = 24

    /// Names the reply place.
    let place: UInt64
    /// The requester as the participants of its reply place see it.
    let owner: UInt64
    /// Of the request: the type of the answer.
    let number: UInt64

    init(place: UInt64, owner: UInt64, number: UInt64) {
        self.place = place
        self.owner = owner
        self.number = number
    }

    /// What stands at the beginning of the bytes; nobody if there is no room for it.
    init(before bytes: RawSpan) {
        guard bytes.byteCount >= Self.byteCount else {
            self = .none
            return
        }
        func number(_ offset: Int) -> UInt64 {
            // Any bits are a number.
            UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        self.init(place: number(0), owner: number(8), number: number(16))
    }

    /// The name of the reply place.
    var name: String {
        let digits = String(place, radix: 16)
        return "ipc-reply-" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
