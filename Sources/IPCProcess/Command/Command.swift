/// A program with its arguments, to be run to its end.
///
/// ```swift
/// let listing = try await Command("ls", "-l").output()
/// print(listing.text, listing.status)
///
/// let branch = try await Command("git", "rev-parse", "HEAD").output().checked().text
/// let sorted = try await Command("sort").output(input: Array("b\na\n".utf8)).lines
/// let counted = try await (Command("ps", "aux") | Command("grep", "-c", "python")).output()
/// ```
///
/// A status other than 0 is not an error by itself, as it is not in a shell: many programs answer with it (grep, diff,
/// test). ``CommandOutput/checked()`` and ``ExitStatus/checked()`` turn it into one. That the program cannot be run at
/// all is always an error.
///
/// Arguments go to the program as they are: there is no shell between, nothing to quote and nothing to inject.
public struct Command: Sendable {
    /// The program.
    public var executable: Executable
    /// Its arguments, without argv[0].
    public var arguments: [String]
    /// Environment, directory, limits and the rest. ``output(input:limit:until:)`` collects standard output whatever is
    /// said here, and standard error where it is `.inherit`.
    public var options: ChildProcess.Options

    /// A program and its arguments.
    public init(
        _ executable: Executable, _ arguments: String..., options: ChildProcess.Options = ChildProcess.Options()
    ) {
        self.init(executable, arguments: arguments, options: options)
    }

    /// A program and its arguments.
    public init(
        _ executable: Executable, arguments: [String], options: ChildProcess.Options = ChildProcess.Options()
    ) {
        self.executable = executable
        self.arguments = arguments
        self.options = options
    }

    /// The most that ``output(input:limit:until:)`` collects of each stream unless told otherwise: 64 MiB.
    public static let defaultLimit = 64 << 20

    /// Runs the program and collects what it writes, standard output and standard error apart. Both are read while the
    /// input is written, so no amount of data can block the program for ever. Where ``options`` send standard error
    /// elsewhere (`.standardOutput`, `.null`, a file, or `.descriptor(2)` to let it through) it goes there.
    ///
    /// It is over when the program has ended: what it left in the pipes is read, but a process that it left running in
    /// the background, with the pipes still open, is not waited for.
    ///
    /// - Parameters:
    ///   - input: what it reads from standard input; nil for ``ChildProcess/Options/standardInput``. A program that
    ///     ends without reading everything is no error.
    ///   - limit: the most bytes to collect of each stream.
    ///   - deadline: when to give up.
    /// - Throws: what ``ChildProcess/spawn(_:arguments:options:transferring:)`` throws; `.outputTooLarge` above
    ///   `limit`, `.timedOut`, `.cancelled`: the program and its process group are killed then (SIGKILL).
    public func output(
        input: [UInt8]? = nil, limit: Int = Command.defaultLimit, until deadline: Deadline = .never
    ) async throws(IPCError) -> CommandOutput {
        let output = try await Pipeline(stages: [self]).output(input: input, limit: limit, until: deadline)
        return CommandOutput(
            status: output.statuses[0], standardOutput: output.standardOutput,
            standardError: output.standardErrors[0], name: executable.displayName)
    }

    /// Runs the program with its standard streams as ``options`` say (by default: no input, and this process's output)
    /// and returns how it ended.
    ///
    /// - Throws: as ``output(input:limit:until:)``, but for the limit. `.invalidArgument` when a stream is `.pipe`:
    ///   nobody would read it.
    @discardableResult
    public func run(until deadline: Deadline = .never) async throws(IPCError) -> ExitStatus {
        try await Pipeline(stages: [self]).run(until: deadline)[0]
    }

    /// `a | b`: what `a` writes, `b` reads.
    public static func | (left: Command, right: Command) -> Pipeline { Pipeline(stages: [left, right]) }
}
