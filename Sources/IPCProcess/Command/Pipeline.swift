/// Programs of which each reads what the one before it writes.
///
/// ```swift
/// let output = try await (Pipeline("ps", "aux") | Command("grep", "python") | Command("wc", "-l")).output()
/// print(output.text, output.statuses)
/// ```
///
/// The pipes between them are the kernel's: the data does not pass through this process. A program that writes to one
/// that has ended is ended by SIGPIPE, as in a shell, so `yes | head -1` comes to an end.
public struct Pipeline: Sendable {
    /// The programs, at least one. The standard input of the first, the standard output of the last and the standard
    /// error of each are what their options say; the others are connected.
    public private(set) var stages: [Command]

    init(stages: [Command]) { self.stages = stages }

    /// A pipeline that starts with this program.
    public init(
        _ executable: Executable, _ arguments: String..., options: ChildProcess.Options = ChildProcess.Options()
    ) {
        stages = [Command(executable, arguments: arguments, options: options)]
    }

    /// A pipeline that starts with this program.
    public init(_ command: Command) { stages = [command] }

    /// One program more.
    public static func | (left: Pipeline, right: Command) -> Pipeline { Pipeline(stages: left.stages + [right]) }

    /// The programs of both.
    public static func | (left: Pipeline, right: Pipeline) -> Pipeline { Pipeline(stages: left.stages + right.stages) }

    /// The programs of both.
    public static func | (left: Command, right: Pipeline) -> Pipeline { Pipeline(stages: [left] + right.stages) }

    /// Runs the programs and collects what the last one writes to standard output, and what each writes to standard
    /// error. See ``Command/output(input:limit:until:)``, of which this is the general form; it is over when all have
    /// ended.
    public func output(
        input: [UInt8]? = nil, limit: Int = Command.defaultLimit, until deadline: Deadline = .never
    ) async throws(IPCError) -> PipelineOutput {
        var stages = stages
        if input != nil { stages[0].options.standardInput = .pipe }
        stages[stages.count - 1].options.standardOutput = .pipe
        for index in stages.indices {
            if case .inherit = stages[index].options.standardError.kind { stages[index].options.standardError = .pipe }
        }
        let run = try await PipelineRun.start(stages)
        return try await run.collect(input: input ?? [], limit: limit, until: deadline)
    }

    /// Runs the programs with the streams at the ends as their options say, and returns how each ended.
    ///
    /// - Throws: as ``Command/run(until:)``.
    @discardableResult
    public func run(until deadline: Deadline = .never) async throws(IPCError) -> [ExitStatus] {
        for (index, stage) in stages.enumerated() {
            guard !stage.leavesPipeOpen(isFirst: index == 0, isLast: index == stages.count - 1) else {
                throw IPCError(
                    .invalidArgument, "run a program: nobody is at the other end of .pipe; use output() or spawn",
                    object: stage.executable.displayName)
            }
        }
        let run = try await PipelineRun.start(stages)
        return try await run.waitForAll(until: deadline)
    }
}

extension Command {
    fileprivate func leavesPipeOpen(isFirst: Bool, isLast: Bool) -> Bool {
        if isFirst, case .pipe = options.standardInput.kind { return true }
        if isLast, case .pipe = options.standardOutput.kind { return true }
        if case .pipe = options.standardError.kind { return true }
        return false
    }
}

/// What a pipeline wrote, and how its programs ended.
public struct PipelineOutput: Sendable, Hashable {
    /// How each program ended, in order.
    public let statuses: [ExitStatus]
    /// What the last program wrote to standard output.
    public let standardOutput: [UInt8]
    /// What each program wrote to standard error.
    public let standardErrors: [[UInt8]]

    let names: [String]

    /// How the last program ended: the status of the whole, as in a shell.
    public var status: ExitStatus { statuses[statuses.count - 1] }

    /// Standard output as text. Bytes that are not UTF-8 become U+FFFD.
    public var text: String { String(decoding: standardOutput, as: UTF8.self) }

    /// Standard output in lines, without their ends ("\n" or "\r\n").
    public var lines: [String] { LineSplitter.lines(of: standardOutput) }

    /// This output if every program succeeded (`pipefail` in a shell). A program before the last that SIGPIPE ended
    /// counts as one that succeeded: its reader had enough.
    ///
    /// - Throws: `.processFailed` for the last program that failed.
    @discardableResult
    public func checked() throws(IPCError) -> PipelineOutput {
        for index in statuses.indices.reversed() {
            if statuses[index].isSuccess { continue }
            if index < statuses.count - 1, case .signaled(.brokenPipe, _) = statuses[index] { continue }
            throw .failed(names[index], statuses[index], standardErrors[index])
        }
        return self
    }
}
