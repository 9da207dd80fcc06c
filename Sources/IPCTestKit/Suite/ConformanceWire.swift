/// What a framed byte stream looks like, so that the suite can cut it and lie in it.
public struct ConformanceWire: Sendable {
    /// An opening that a receiver must refuse.
    public struct WrongOpening: Sendable {
        /// What is wrong with it.
        public let name: String
        /// The first bytes of the stream.
        public let bytes: [UInt8]
        /// How it is refused.
        public let code: IPCError.Code

        /// An opening of these bytes.
        public init(_ name: String, _ bytes: [UInt8], refusedWith code: IPCError.Code) {
            self.name = name
            self.bytes = bytes
            self.code = code
        }
    }

    /// A receiver of the transport, and the raw bytes' way to it.
    public struct RawPair: Sendable {
        /// The end under test.
        public let end: ConformanceEnds
        /// Writes the bytes as they are; waits while there is no room. Throws when the other side has closed.
        public let write: @Sendable ([UInt8]) async throws -> Void
        /// Ends the stream without a word, as the death of the process does. A second call does nothing.
        public let die: @Sendable () -> Void

        /// A receiver and its raw writer.
        public init(
            end: ConformanceEnds, write: @escaping @Sendable ([UInt8]) async throws -> Void,
            die: @escaping @Sendable () -> Void
        ) {
            self.end = end
            self.write = write
            self.die = die
        }
    }

    /// Makes a receiver whose bytes the suite writes.
    public var makeRawPair: @Sendable () async throws -> RawPair
    /// What a sender writes before the first message: the handshake.
    public var opening: [UInt8]
    /// A message as it is on the wire.
    public var frame: @Sendable ([UInt8]) -> [UInt8]
    /// What `finish` writes; nil if the end of the stream says it.
    public var finish: [UInt8]?
    /// The start of a message that announces so many bytes; nil where the field cannot say the number.
    public var header: @Sendable (UInt64) -> [UInt8]?
    /// Openings that must be refused: at least a wrong magic and a wrong version, where there is a handshake.
    public var wrongOpenings: [WrongOpening]

    /// A wire format.
    public init(
        opening: [UInt8], finish: [UInt8]?, wrongOpenings: [WrongOpening],
        frame: @escaping @Sendable ([UInt8]) -> [UInt8], header: @escaping @Sendable (UInt64) -> [UInt8]?,
        makeRawPair: @escaping @Sendable () async throws -> RawPair
    ) {
        self.opening = opening
        self.finish = finish
        self.wrongOpenings = wrongOpenings
        self.frame = frame
        self.header = header
        self.makeRawPair = makeRawPair
    }
}
