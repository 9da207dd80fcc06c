import IPCSystem

/// A named place in the code at which a process can be made to die: what a test of crashes needs to hit each step.
///
/// The code under test calls ``pass(_:)`` at the point; the test starts a process with ``environment`` added, and that
/// process gets SIGKILL at the chosen passage. Debug builds alone have the points.
///
/// ```swift
/// // in the program under test
/// KillPoint.pass("after-write")
/// // in the test: die when it comes there for the third time
/// let environment = KillPoint("after-write", passage: 3).environment
/// ```
public struct KillPoint: Sendable, Hashable {
    /// The name of the point.
    public let name: String
    /// At which passage to die, from 1.
    public let passage: Int

    /// The `passage`-th time that a thread comes to the point `name`.
    public init(_ name: String, passage: Int = 1) {
        precondition(passage > 0, "passages are counted from 1")
        self.name = name
        self.passage = passage
    }

    /// The variables to start a process with.
    public var environment: [String: String] { [KillPoints.variable: "\(name):\(passage)"] }

    /// Marks a point. It ends the process with SIGKILL when it was started with that wish, and does nothing otherwise.
    public static func pass(_ name: StaticString) {
        KillPoints.pass(name)
    }
}
