import IPCMessageQueue
import IPCSystem

/// `ipcctl queue`: queues from the shell.
struct QueueCommand {
    let request: QueueRequest

    func run() async throws {
        switch request.action {
        case .list: try list()
        case .remove: try QueueKinds.kind(of: request.name).remove(request.name)
        case .send: try await send()
        case .receive: try await receive(request.count ?? 1) { try show($0) }
        case .watch: try await receive(request.count ?? .max) { try describe($0) }
        }
    }

    /// The exit status that a script can tell failures apart by. sysexits(3).
    static func exitStatus(of error: IPCError) -> Int32 {
        switch error.code {
        case .timedOut: 75  // EX_TEMPFAIL
        case .notFound, .removed: 69  // EX_UNAVAILABLE
        case .permissionDenied: 77  // EX_NOPERM
        default: 1
        }
    }

    private var deadline: Deadline {
        guard let timeout = request.timeout else { return .never }
        return timeout == .zero ? .now : .after(timeout)
    }

    // MARK: Sending

    private func send() async throws {
        let queue = try request.mailbox.openForSending(request.name, makes: request.makesQueue)
        let label = QueueLabel(priority: request.priority, type: request.type)
        for payload in try await payloads() {
            try await queue.send(QueueMessage(payload: payload, label: label), until: deadline)
        }
    }

    private func payloads() async throws -> [[UInt8]] {
        if let text = request.text { return [Array(text.utf8)] }
        var bytes = try await StandardInput.contents()
        // What `echo` adds is not meant to be a part of the message.
        if bytes.last == 0x0A { bytes.removeLast() }
        guard request.sendsLines else { return [bytes] }
        return bytes.isEmpty ? [] : bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
    }

    // MARK: Receiving

    private func receive(_ count: Int, _ tell: (QueueMessage<[UInt8]>) throws -> Void) async throws {
        let queue = try await request.mailbox.openForReceiving(request.name)
        let selection = try selection()
        for _ in 0..<count { try tell(try await next(queue, selection)) }
    }

    private func next(
        _ queue: some MessageQueue, _ selection: QueueSelection
    ) async throws(IPCError) -> QueueMessage<[UInt8]> {
        try await queue.receive(selection, until: deadline)
    }

    /// `3`, `<=3` or `!3`.
    private func selection() throws(UsageError) -> QueueSelection {
        guard let text = request.selection else { return .any }
        if text.hasPrefix("<=") {
            return .lowest(upTo: try QueueRequest.number(String(text.dropFirst(2)), "--type <="))
        }
        if text.hasPrefix("!") { return .anyExcept(try QueueRequest.number(String(text.dropFirst()), "--type !")) }
        return .only(try QueueRequest.number(text, "--type"))
    }

    private func show(_ message: QueueMessage<[UInt8]>) throws {
        try Console.write(request.isRaw ? message.payload : message.payload + [0x0A])
    }

    private func describe(_ message: QueueMessage<[UInt8]>) throws {
        if request.isRaw { return try show(message) }
        let head = "priority \(message.priority), type \(message.type), \(message.payload.count) bytes: "
        try Console.write(Array(head.utf8) + message.payload + [0x0A])
    }

    // MARK: Listing

    private func list() throws {
        var rows = [["kind", "name", "messages", "room", "owner", "mode"]]
        var notes: [String] = []
        for kind in QueueKinds.all {
            let found = try kind.list()
            rows += found.rows.map { [kind.label] + $0 }
            if let note = found.note { notes.append("\(kind.label): \(note)") }
        }
        print(TextTable.lines(rows))
        for note in notes { Console.complain(note) }
    }
}

/// Standard input, which may be a terminal, a file or a pipe.
enum StandardInput {
    /// All of it. Read on a thread that may block.
    static func contents() async throws -> [UInt8] {
        try unsafe await withUnsafeThrowingContinuation { continuation in
            do throws(SystemCallError) {
                try SystemThread.start("ipcctl-input") { unsafe continuation.resume(with: Result { try readAll() }) }
            } catch {
                unsafe continuation.resume(throwing: IPCError(error, "read standard input"))
            }
        }
    }

    private static func readAll() throws -> [UInt8] {
        var contents: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { unsafe buffer.deallocate() }
        while true {
            // SAFETY: read(2) fills at most the buffer.
            let count = try mapping("read standard input") { () throws(SystemCallError) in
                try unsafe DescriptorCalls.read(0, into: buffer)
            }
            guard let count else {
                // Somebody has made it non-blocking.
                try mapping("read standard input") { () throws(SystemCallError) in
                    try DescriptorCalls.setNonblocking(0, false)
                }
                continue
            }
            if count == 0 { return contents }
            unsafe contents.append(contentsOf: buffer[..<count])
        }
    }
}
