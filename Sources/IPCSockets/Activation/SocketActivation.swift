public import IPCCore
import IPCSystem

/// Sockets that a service manager made and handed to this process when it started it: systemd's protocol, which others
/// speak as well. sd_listen_fds(3).
///
/// ```swift
/// let sockets = try SocketActivation.take()
/// if let socket = sockets.first(where: { $0.name == "orders" }) {
///     let listener = try SocketListener(adopting: socket.descriptor)
/// }
/// ```
///
/// The manager holds the address, so clients can connect before the server runs and while it is replaced, and the server
/// needs no right to bind it.
public enum SocketActivation {
    /// A socket that was handed over.
    public struct Socket: Sendable {
        /// The name that the manager gave it (LISTEN_FDNAMES), `unknown` where it gave none.
        public let name: String
        /// The socket: for ``SocketListener/init(adopting:options:)``, ``SocketConnection/init(adopting:)`` or
        /// ``DatagramChannel/init(adopting:options:authorization:)``. Closed when nobody takes it.
        public let descriptor: PassedDescriptor
    }

    /// The first number: 3, after the standard streams.
    static let firstNumber: Int32 = 3

    private static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]
    private static let hasTaken = Lock(false)

    /// Takes the sockets, once: later calls return none. Do it early, before other parts of the program open files or read
    /// the environment: the variables are removed, so that a child does not take them for its own, and the descriptors are
    /// marked close-on-exec and non-blocking.
    ///
    /// - Returns: the sockets in the manager's order; none where the process was not started so, or where the variables are
    ///   meant for another process (LISTEN_PID).
    /// - Throws: `.invalidArgument` when the variables cannot be read or name a number that is not open, and then nothing is
    ///   taken.
    public static func take() throws(IPCError) -> [Socket] {
        let isFirst = hasTaken.withLock { hasTaken in
            defer { hasTaken = true }
            return !hasTaken
        }
        guard isFirst else { return [] }
        let values = variables.map { EnvironmentCalls.value(of: $0) }
        for variable in variables { try? EnvironmentCalls.unset(variable) }
        let names = try names(
            process: values[0], count: values[1], names: values[2], own: ProcessFacts.processID)
        return try adopt(names)
    }

    /// The names of the sockets by the three variables, one for each.
    static func names(
        process: String?, count: String?, names: String?, own: Int32
    ) throws(IPCError) -> [String] {
        guard let process, let count else { return [] }
        guard let meant = Int32(process), let number = Int32(count), meant > 0, (0...1024).contains(number) else {
            throw IPCError(
                .invalidArgument, "socket activation: LISTEN_PID and LISTEN_FDS are no numbers that can be meant",
                object: "\(process), \(count)")
        }
        guard meant == own else { return [] }
        guard let names else { return [String](repeating: "unknown", count: Int(number)) }
        let list = names.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard list.count == Int(number) || number == 0 else {
            throw IPCError(
                .invalidArgument, "socket activation: LISTEN_FDNAMES has \(list.count) names for \(number) sockets",
                object: names)
        }
        return number == 0 ? [] : list.map { $0.isEmpty ? "unknown" : $0 }
    }

    private static func adopt(_ names: [String]) throws(IPCError) -> [Socket] {
        let numbers = (0..<Int32(names.count)).map { firstNumber + $0 }
        if let missing = numbers.first(where: { !DescriptorCalls.isOpen($0) }) {
            throw IPCError(
                .invalidArgument, "socket activation: a socket that was announced is not open",
                object: "descriptor \(missing)")
        }
        for number in numbers {
            try mapping("socket activation", object: "descriptor \(number)") { () throws(SystemCallError) in
                try DescriptorCalls.setCloseOnExec(number)
                try DescriptorCalls.setNonblocking(number)
            }
        }
        return zip(names, numbers).map { Socket(name: $0, descriptor: PassedDescriptor(owning: $1)) }
    }
}
