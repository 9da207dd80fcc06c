import IPCSystem

/// Where the standard input of a child comes from.
public struct ChildInput: Sendable {
    enum Kind: Sendable {
        case inherit, null, pipe
        case file(String)
        case descriptor(Int32)
        case endpoint(any DescriptorTransferable)
    }

    let kind: Kind

    /// The standard input of this process, or nothing if that is closed.
    public static let inherit = ChildInput(kind: .inherit)

    /// Nothing: /dev/null.
    public static let null = ChildInput(kind: .null)

    /// A pipe whose other end is ``ChildProcess/standardInput``.
    public static let pipe = ChildInput(kind: .pipe)

    /// A file, opened by this process (so a relative path is taken from its own directory).
    public static func file(_ path: String) -> ChildInput { ChildInput(kind: .file(path)) }

    /// A descriptor of this process, which stays open here and has to until the child has been started.
    public static func descriptor(_ number: Int32) -> ChildInput { ChildInput(kind: .descriptor(number)) }

    /// Something that can be given away and is one descriptor, such as the reading end of a pipe. It is closed here, even
    /// when the child cannot be started. What a reader has read ahead and not delivered does not reach the program.
    public static func endpoint(_ endpoint: some DescriptorTransferable) -> ChildInput {
        ChildInput(kind: .endpoint(endpoint))
    }
}

/// Where the standard output or the standard error of a child goes.
public struct ChildOutput: Sendable {
    enum Kind: Sendable {
        case inherit, null, pipe, standardOutput
        case file(String, appending: Bool, permissions: UInt32)
        case descriptor(Int32)
        case endpoint(any DescriptorTransferable)
    }

    let kind: Kind

    /// The same stream of this process, or nowhere if that is closed.
    public static let inherit = ChildOutput(kind: .inherit)

    /// Nowhere: /dev/null.
    public static let null = ChildOutput(kind: .null)

    /// A pipe whose other end is ``ChildProcess/standardOutput`` or ``ChildProcess/standardError``.
    public static let pipe = ChildOutput(kind: .pipe)

    /// For standard error: wherever the child's standard output goes, `2>&1` in a shell.
    public static let standardOutput = ChildOutput(kind: .standardOutput)

    /// A file, opened by this process (so a relative path is taken from its own directory). It is made if it is not
    /// there, with these permissions less the umask; its old content goes unless `appending`.
    public static func file(
        _ path: String, appending: Bool = false, permissions: UInt32 = 0o600
    ) -> ChildOutput {
        ChildOutput(kind: .file(path, appending: appending, permissions: permissions))
    }

    /// A descriptor of this process, which stays open here and has to until the child has been started.
    public static func descriptor(_ number: Int32) -> ChildOutput { ChildOutput(kind: .descriptor(number)) }

    /// Something that can be given away and is one descriptor, such as the writing end of a pipe. It is closed here, even
    /// when the child cannot be started.
    public static func endpoint(_ endpoint: some DescriptorTransferable) -> ChildOutput {
        ChildOutput(kind: .endpoint(endpoint))
    }
}
