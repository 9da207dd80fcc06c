/// What a program wrote, and how it ended.
public struct CommandOutput: Sendable, Hashable {
    /// How it ended.
    public let status: ExitStatus
    /// What it wrote to standard output.
    public let standardOutput: [UInt8]
    /// What it wrote to standard error.
    public let standardError: [UInt8]

    private let name: String

    init(status: ExitStatus, standardOutput: [UInt8], standardError: [UInt8], name: String) {
        self.status = status
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.name = name
    }

    /// Standard output as text. Bytes that are not UTF-8 become U+FFFD.
    public var text: String { String(decoding: standardOutput, as: UTF8.self) }

    /// Standard error as text. Bytes that are not UTF-8 become U+FFFD.
    public var errorText: String { String(decoding: standardError, as: UTF8.self) }

    /// Standard output in lines, without their ends ("\n" or "\r\n"). An end of the last line opens no further one.
    public var lines: [String] { LineSplitter.lines(of: standardOutput) }

    /// This output if the program succeeded.
    ///
    /// - Throws: `.processFailed` with the last lines of standard error.
    @discardableResult
    public func checked() throws(IPCError) -> CommandOutput {
        guard status.isSuccess else { throw .failed(name, status, standardError) }
        return self
    }
}

extension IPCError {
    /// A program that ended otherwise than with success, with the end of what it wrote to standard error.
    static func failed(_ name: String, _ status: ExitStatus, _ standardError: [UInt8]) -> IPCError {
        let tail = LineSplitter.lines(of: Array(standardError.suffix(2000))).suffix(5).joined(separator: " / ")
        return IPCError(.processFailed, "the program \(status)\(tail.isEmpty ? "" : ": \(tail)")", object: name)
    }
}
