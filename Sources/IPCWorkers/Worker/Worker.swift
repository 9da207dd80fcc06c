import IPCSockets
import IPCSystem

/// The worker's side of a pool. See ``withWorkerPool(of:options:_:)``.
public enum Worker {
    /// Serves tasks of these types if this process was started as a worker, and returns at once if it was not.
    ///
    /// Call it first in `main`: what comes before runs in every worker too. In a worker it does not return: the process
    /// exits with 0 when its pool is done, and with 1, after a line on standard error, when the parent is gone or talks
    /// nonsense.
    ///
    /// ```swift
    /// static func main() async throws {
    ///     try await Worker.serveIfSpawned(CountWords.self, Thumbnail.self)
    ///     …
    /// }
    /// ```
    ///
    /// The environment variables that make a process a worker are removed before anything else happens.
    ///
    /// - Throws: `.invalidArgument` when two types have the same ``WorkerTask/workerTaskName``, in every process.
    public static func serveIfSpawned<each Work: WorkerTask>(
        _ types: repeat (each Work).Type
    ) async throws(IPCError) {
        var runners: [TaskRunner] = []
        for type in repeat each types { runners.append(runner(of: type)) }
        let names = Set(runners.map(\.name))
        guard names.count == runners.count else {
            throw IPCError(
                .invalidArgument, "serve tasks: two types have the same name; give one another workerTaskName",
                object: runners.map(\.name).sorted().joined(separator: ", "))
        }
        guard let index = try WorkerRole.claim() else { return }
        await serveAndLeave(runners, index)
    }

    private static func runner<Work: WorkerTask>(of type: Work.Type) -> TaskRunner { TypedTaskRunner<Work>() }

    private static func serveAndLeave(_ runners: [TaskRunner], _ index: Int) async {
        var status: Int32 = 0
        do throws(IPCError) {
            try await serve(runners, index)
        } catch {
            // When the parent is gone nobody misses an answer, and nobody reads a complaint.
            if error.code != .peerClosed { StandardErrorLine.write("worker \(index): \(error)") }
            status = 1
        }
        ProcessExit.leave(status)
    }

    private static func serve(_ runners: [TaskRunner], _ index: Int) async throws(IPCError) {
        let socket = try take(0)
        let file = try take(1)
        let channel = try SocketChannel(socket, WorkerLink.socketOptions)
        let journal = try JournalWriter(file.number)
        try await WorkerService(channel, journal, runners, index: index).serve()
    }

    private static func take(_ index: Int) throws(IPCError) -> OwnedDescriptor {
        guard let number = try InheritedEndpoints.take(index, as: InheritedFile.self).take() else {
            throw IPCError(.handshakeFailed, "take the part of a worker: a descriptor is missing")
        }
        return OwnedDescriptor(owning: number)
    }
}

/// A line on standard error, in one write.
enum StandardErrorLine {
    static func write(_ text: String) {
        let line = Array("\(text)\n".utf8)
        _ = try? unsafe line.span.bytes.withUnsafeBytes { bytes throws(SystemCallError) in
            try unsafe DescriptorCalls.write(2, bytes)
        }
    }
}

/// What pool and worker agree on beside the protocol.
enum WorkerLink {
    /// The peer is the own child or parent, so arguments and results may be large; memory is taken as they arrive.
    static let socketOptions = SocketOptions(maximumMessageSize: 1 << 30)
}
