import IPCProcess
import IPCSystem

/// A process of a storm.
struct StormPlace {
    enum Role: String { case callee = "storm-callee", caller = "storm-caller", halfReader = "storm-half-reader" }

    let role: Role
    let place: Int
    let child: ChildProcess
    private var stoppedUntil: Deadline?
    private(set) var isKilledThen = false
    /// Whether it was told to leave.
    var isLeaving = false

    init(_ role: Role, _ place: Int, _ arguments: [String]) async throws {
        self.role = role
        self.place = place
        child = try await ChildProcess.spawn(
            .path("/proc/self/exe"), arguments: arguments, options: .init(standardOutput: .pipe))
        let output = try child.standardOutput
        // What it complains of.
        Task { while let line = try await output.readLine() { say(line) } }
    }

    var isStopped: Bool { stoppedUntil != nil }
    /// Whether it has stood still for long enough.
    var isOver: Bool { stoppedUntil?.hasPassed ?? false }

    /// Whether it was told to leave, and is gone.
    func hasLeft() throws -> Bool { try isLeaving && child.exitStatusIfEnded() != nil }

    mutating func stop(for time: Duration, kills: Bool) throws {
        try child.send(.stop)
        stoppedUntil = .after(time)
        isKilledThen = kills
    }

    mutating func goOn() throws {
        try child.send(.continue)
        stoppedUntil = nil
    }
}

/// Fails the storm with a reason.
struct Wrong: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    if !condition { throw Wrong(reason()) }
}
