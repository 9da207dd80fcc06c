/// A promise of the channel contract that was not kept.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// What the case was about.
    public let topic: ConformanceTopic
    /// The transport.
    public let transport: String
    /// What the contract says.
    public let expected: String
    /// What happened.
    public let seen: String
    /// The seed of the run.
    public let seed: UInt64

    /// All of it, on one line.
    public var description: String {
        "\(transport) does not conform (\(topic)): expected \(expected); saw \(seen) [seed \(seed)]"
    }
}
