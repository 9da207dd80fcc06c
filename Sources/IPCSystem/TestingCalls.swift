import CIPC

/// What tests of this library need of the system: small files of /proc, and ways to end on purpose.
package enum TestingCalls {
    /// The whole of a small file, as /proc has them.
    package static func contents(of path: String) throws(SystemCallError) -> [UInt8] {
        let descriptor = try FileCalls.open(path, .readOnly)
        var contents: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16384, alignment: 16)
        defer { unsafe buffer.deallocate() }
        // SAFETY: read(2) fills at most the buffer, which lives until the end of this function.
        while let count = try unsafe DescriptorCalls.read(descriptor.number, into: buffer), count > 0 {
            unsafe contents.append(contentsOf: buffer[..<count])
        }
        return contents
    }

    /// Whether the thread sanitizer watches this process.
    package static var isThreadSanitized: Bool { cipc_is_thread_sanitized() != 0 }

    /// SIGKILL to this process.
    package static func killSelf() -> Never { cipc_kill_self() }

    /// fork(2) without exec, as a host that knows nothing of this library may do it: the child runs `body` on its only
    /// thread and leaves with what it returns. Returns the child's number.
    package static func fork(_ body: @escaping () -> Int32) throws(SystemCallError) -> Int32 {
        final class Body {
            let run: () -> Int32
            init(_ run: @escaping () -> Int32) { self.run = run }
        }
        let body = Body(body)
        return Int32(
            try retrying(.fork) {
                // SAFETY: the child has a copy of `body`, which nobody frees while it runs.
                unsafe cipc_fork(
                    { unsafe Unmanaged<Body>.fromOpaque($0!).takeUnretainedValue().run() },
                    Unmanaged.passUnretained(body).toOpaque())
            })
    }

    /// abort(3): SIGABRT, which leaves a core or a backtrace where those are on.
    package static func abort() -> Never { cipc_abort() }

    /// Lets this process open `count` descriptors if the hard RLIMIT_NOFILE allows it; returns the limit then in force.
    package static func raiseDescriptorLimit(to count: Int) throws(SystemCallError) -> Int {
        try retrying(.prlimit) { cipc_raise_descriptor_limit(Int32(clamping: count)) }
    }

    /// Lifts RLIMIT_MSGQUEUE of this process; false without CAP_SYS_RESOURCE.
    package static func liftQueueByteLimit() -> Bool { cipc_lift_queue_byte_limit() >= 0 }

    /// Writes to standard error with nothing between: for a process that may not live much longer.
    package static func report(_ text: String) {
        var rest = Array(text.utf8)[...]
        var attempts = 0
        while !rest.isEmpty, attempts < 10_000 {
            attempts += 1
            let written = unsafe rest.withUnsafeBytes { bytes in
                (try? unsafe DescriptorCalls.write(2, bytes)) ?? nil
            }
            rest = rest.dropFirst(written ?? 0)
        }
    }

    /// The variables that this process was started with, whatever was unset since.
    package static func startVariable(_ name: String) -> String? {
        let prefix = Array("\(name)=".utf8)
        guard let all = try? contents(of: "/proc/self/environ") else { return nil }
        return all.split(separator: 0).first { $0.starts(with: prefix) }
            .map { String(decoding: $0.dropFirst(prefix.count), as: UTF8.self) }
    }
}
