import IPCCore
import IPCTestKit

/// The wire format of framed byte streams, written down once more from `Documentation/WireFormat.md` and not from the
/// code: a mistake in the code is then not repeated here.
enum StreamWire {
    static let opening: [UInt8] = Array("swiftIPC".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]
    static let finish = header(length: 0, kind: 2)

    static func header(length: UInt64, kind: UInt8 = 1) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + [kind, 0, 0, 0, 0, 0, 0, 0]
    }

    static func frame(_ message: [UInt8]) -> [UInt8] { header(length: UInt64(message.count)) + message }

    static let wrongOpenings: [ConformanceWire.WrongOpening] = [
        .init("a wrong magic", Array("swiftIPD".utf8) + [1, 0, 0, 0, 0, 0, 0, 0], refusedWith: .wrongMagic),
        .init("another protocol", Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), refusedWith: .wrongMagic),
        .init("a wrong version", Array("swiftIPC".utf8) + [2, 0, 0, 0, 0, 0, 0, 0], refusedWith: .wrongVersion),
        .init("an unknown kind", opening + header(length: 0, kind: 77), refusedWith: .protocolViolation),
        .init("an end that carries bytes", opening + header(length: 1, kind: 2), refusedWith: .protocolViolation),
    ]

    static func make(_ makeRawPair: @escaping @Sendable () async throws -> ConformanceWire.RawPair) -> ConformanceWire {
        ConformanceWire(
            opening: opening, finish: finish, wrongOpenings: wrongOpenings, frame: frame,
            header: { header(length: $0) }, makeRawPair: makeRawPair)
    }
}
