import IPCPipes
import IPCSystem
import Synchronization

/// A program that runs as a child of this process.
///
/// ```swift
/// let firstLine = try await withChildProcess("sort", options: .init(standardInput: .pipe, standardOutput: .pipe)) {
///     child in
///     let input = try child.standardInput
///     try await input.send(Array("pear\napple\n".utf8))
///     try await input.finish()
///     for try await line in try child.standardOutput.lines { return line }
///     return ""
/// }
/// ```
///
/// - It gets the descriptors that its ``Options`` name and no other, every signal at its default and none blocked.
/// - It dies when this process dies, unless ``Options/parentDeathSignal`` says otherwise.
/// - That a program cannot be run is an error of ``spawn(_:arguments:options:transferring:)``, not an exit code.
/// - It is known by its pidfd, pidfd_open(2): a signal never reaches another process that got the same number. Children
///   that other parts of the program start are never touched.
/// - A handle may be used from any number of tasks. When the last reference to it goes while the child runs, the child
///   runs on; its status is taken as it ends, so that no zombie stays.
public final class ChildProcess: Sendable {
    let handle: ChildHandle
    private let input: PipeWriter?
    private let output: PipeReader?
    private let error: PipeReader?

    init(handle: ChildHandle, input: PipeWriter?, output: PipeReader?, error: PipeReader?) {
        self.handle = handle
        self.input = input
        self.output = output
        self.error = error
    }

    deinit {
        // Closing the ends of the pipes is their own deinit's work.
        guard (try? handle.takeStatus()) == nil, !handle.isSettled else { return }
        let handle = handle
        Task.detached { await handle.reapEventually() }
    }

    /// Its process id, for people and logs. It may be reused once the status was taken: send signals by ``send(_:)``.
    public var processID: Int32 { handle.processID }

    /// The writing end of its standard input.
    ///
    /// - Throws: `.invalidArgument` unless it was started with `standardInput: .pipe`.
    public var standardInput: PipeWriter {
        get throws(IPCError) { try stream(input, "standardInput") }
    }

    /// The reading end of its standard output.
    ///
    /// - Throws: `.invalidArgument` unless it was started with `standardOutput: .pipe`.
    public var standardOutput: PipeReader {
        get throws(IPCError) { try stream(output, "standardOutput") }
    }

    /// The reading end of its standard error.
    ///
    /// - Throws: `.invalidArgument` unless it was started with `standardError: .pipe`.
    public var standardError: PipeReader {
        get throws(IPCError) { try stream(error, "standardError") }
    }

    private func stream<End>(_ end: End?, _ name: String) throws(IPCError) -> End {
        guard let end else {
            throw IPCError(
                .invalidArgument, "use a stream of a child: start it with \(name): .pipe",
                object: "process \(processID)")
        }
        return end
    }

    /// Closes the ends of the pipes that this process holds.
    func closeStreams() {
        input?.close()
        output?.close()
        error?.close()
    }
}

extension ChildProcess: CustomStringConvertible {
    /// The process id.
    public var description: String { "ChildProcess(\(processID))" }
}
