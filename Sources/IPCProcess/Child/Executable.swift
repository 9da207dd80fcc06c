import IPCSystem
import Synchronization

/// Which program to run. A string literal will do: `"ls"` is looked up in PATH, `"/bin/ls"` and `"./tool"` are paths.
public struct Executable: Sendable, Hashable, ExpressibleByStringLiteral {
    private enum Kind: Sendable, Hashable {
        case name(String)
        case path(String)
        case current
    }

    private let kind: Kind

    private init(_ kind: Kind) { self.kind = kind }

    /// A string with a slash is a path, any other a name.
    public init(_ text: String) {
        kind = text.utf8.contains(UInt8(ascii: "/")) ? .path(text) : .name(text)
    }

    /// See ``init(_:)``.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// A file by its path. A relative path is taken from the child's working directory. execve(2).
    public static func path(_ path: String) -> Executable { Executable(.path(path)) }

    /// A program by its name, looked up in the PATH of the child's environment (`/usr/bin:/bin` where it has none).
    /// Relative and empty entries of PATH are passed over: the current directory is never searched.
    public static func name(_ name: String) -> Executable { Executable(.name(name)) }

    /// The program that runs now: the very file, opened once, even if another has taken its path since.
    public static let current = Executable(.current)

    /// What argv[0] and error messages say.
    package var displayName: String {
        switch kind {
        case .name(let text), .path(let text): text
        case .current: CurrentExecutable.name
        }
    }

    /// The program in the kernel's terms.
    func resolve(in environment: ResolvedEnvironment) throws(IPCError) -> SpawnRequest.Program {
        switch kind {
        case .path(let path):
            try Self.check(path)
            return .paths([path])
        case .name(let name):
            try Self.check(name)
            let folders = environment.value(of: "PATH") ?? "/usr/bin:/bin"
            let paths = folders.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
            guard !paths.isEmpty else {
                throw IPCError(
                    .executionFailed, "start a program: PATH names no absolute directory; give the program's path",
                    object: name)
            }
            return .paths(paths)
        case .current:
            return .descriptor(try CurrentExecutable.descriptor())
        }
    }

    private static func check(_ text: String) throws(IPCError) {
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw IPCError(
                .invalidArgument, "start a program: its name must not be empty or contain a zero byte", object: text)
        }
    }
}

/// The executable of this process, opened at its first use and kept: a rolling restart may replace the file meanwhile.
private enum CurrentExecutable {
    private static let opened = Lock<Int32?>(nil)

    /// A descriptor that stays open as long as the process lives.
    static func descriptor() throws(IPCError) -> Int32 {
        if let number = opened.withLock({ $0 }) { return number }
        let fresh = try mapping("open the program that runs now", object: "/proc/self/exe") {
            () throws(SystemCallError) in
            try FileCalls.open("/proc/self/exe", .pathOnly)
        }
        let number = fresh.release()
        let kept = opened.withLock { opened in
            if let first = opened { return first }
            opened = number
            return number
        }
        if kept != number { closeDescriptor(number) }
        return kept
    }

    static var name: String {
        guard let path = try? FileCalls.destination(of: "/proc/self/exe") else { return "self" }
        return path
    }
}
