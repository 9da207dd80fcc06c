import CIPC

/// System calls that start, watch and signal child processes. Everything goes through pidfds: a number may be reused.
package enum ProcessCalls {
    /// A started program: its process id, and a pidfd that the caller owns.
    package struct Started: Sendable {
        package let processID: Int32
        package let pidfd: Int32
    }

    /// How a child ended, as waitid(2) tells.
    package enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32, dumpedCore: Bool)

        init?(_ found: cipc_exit) {
            switch found.code {
            case 1: self = .exited(found.status)
            case 2: self = .killed(signal: found.status, dumpedCore: false)
            case 3: self = .killed(signal: found.status, dumpedCore: true)
            default: return nil
            }
        }
    }

    /// waitid(2), once the child has ended: takes its status. Nil while it runs.
    package static func reap(_ pidfd: Int32) throws(SystemCallError) -> Ending? {
        var found = cipc_exit()
        _ = try retrying(.waitid) { unsafe cipc_reap(pidfd, 0, &found) }
        return Ending(found)
    }

    /// Whether the child has ended, leaving its status where it is. ECHILD when somebody else took it.
    package static func hasEnded(_ pidfd: Int32) throws(SystemCallError) -> Bool {
        var found = cipc_exit()
        _ = try retrying(.waitid) { unsafe cipc_reap(pidfd, 1, &found) }
        return Ending(found) != nil
    }

    /// ioctl(2) PIDFD_GET_INFO (Linux 6.15): how a child ended whose status somebody else took.
    package static func recordedEnding(_ pidfd: Int32) throws(SystemCallError) -> Ending? {
        var found = cipc_exit()
        _ = try retrying(.ioctl) { unsafe cipc_exit_information(pidfd, &found) }
        return Ending(found)
    }

    /// pidfd_send_signal(2) to the process. ESRCH once it has been reaped.
    package static func signal(_ pidfd: Int32, _ number: Int32) throws(SystemCallError) {
        _ = try retrying(.pidfd_send_signal) { cipc_pidfd_signal(pidfd, number, 0) }
    }

    /// pidfd_send_signal(2) to the group that the process leads or led (Linux 6.9, EINVAL before). The group is found
    /// by the kernel's own record, so it cannot be another one that got the same number.
    package static func signalGroup(_ pidfd: Int32, _ number: Int32) throws(SystemCallError) {
        _ = try retrying(.pidfd_send_signal) { cipc_pidfd_signal(pidfd, number, 1) }
    }

    /// kill(2) to a process group, by number: only while its leader has not been reaped.
    package static func signalGroup(numbered group: Int32, _ number: Int32) throws(SystemCallError) {
        _ = try retrying(.kill) { cipc_kill(-group, number) }
    }
}

/// environ(7) of this process.
package enum EnvironmentCalls {
    /// Each entry as it is, usually `NAME=value`; not always UTF-8.
    package static var entries: [[UInt8]] {
        guard let list = unsafe cipc_environment() else { return [] }
        var entries: [[UInt8]] = []
        var index = 0
        // SAFETY: environ ends with a null pointer and each entry with a zero byte.
        while let entry = unsafe list[index] {
            let length = unsafe cipc_string_length(entry)
            unsafe entries.append(Array(UnsafeRawBufferPointer(start: entry, count: length)))
            index += 1
        }
        return entries
    }

    /// getenv(3).
    package static func value(of name: String) -> String? {
        let prefix = Array(name.utf8) + [UInt8(ascii: "=")]
        guard let entry = entries.first(where: { $0.starts(with: prefix) }) else { return nil }
        return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
    }

    /// unsetenv(3).
    package static func unset(_ name: String) throws(SystemCallError) {
        _ = try retrying(.environ) { unsafe cipc_unset_environment(name) }
    }
}
