import IPCSystem

/// Where one child says that it is ready and well. The name is the kernel's alone, so nothing stays behind; and because
/// anybody could send to it, only what comes from the child's own process counts.
final class NotificationSocket: Sendable {
    /// What a child said in one message.
    struct Notice: Sendable, Hashable {
        var isReady = false
        var isAlive = false
        var isStopping = false
        var status: String?

        /// The lines `NAME=value` of a message; unknown ones are passed over.
        init(_ text: String) {
            for line in text.split(separator: "\n") {
                switch line {
                case "READY=1": isReady = true
                case "WATCHDOG=1": isAlive = true
                case "STOPPING=1": isStopping = true
                case _ where line.hasPrefix("STATUS="): status = String(line.dropFirst("STATUS=".count).prefix(256))
                default: break
                }
            }
        }
    }

    private let descriptor: OwnedDescriptor
    /// As the child gets it in NOTIFY_SOCKET.
    let address: String

    init() throws(IPCError) {
        let name = "swift-ipc/notify/\(ProcessFacts.processID)/\(UInt64.random(in: 0 ... .max))"
        descriptor = OwnedDescriptor(
            owning: try mapping("open a socket for the child's word", object: name) { () throws(SystemCallError) in
                try NotifyCalls.open(name).release()
            })
        address = "@\(name)"
    }

    /// Hands on what the process says, until the task is cancelled.
    func read(from processID: Int32, _ body: (Notice) -> Void) async {
        guard let registration = try? WaitEngine.shared.register(descriptor.number) else { return }
        defer { WaitEngine.shared.unregister(registration) }
        while !Task.isCancelled {
            do {
                while let message = try NotifyCalls.receive(descriptor.number) {
                    guard message.processID == processID else {
                        IPCObservation.emit(
                            .log(
                                level: .warning,
                                message:
                                    "process \(message.processID) of user \(message.userID) speaks for \(processID)"
                            ))
                        continue
                    }
                    body(Notice(message.text))
                }
                try await registration.waitReadable(until: .never, "wait for a child's word")
            } catch {
                return
            }
        }
    }
}
