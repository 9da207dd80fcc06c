import IPCCore
import IPCSystem
import Synchronization

/// A thread whose death the kernel makes known in up to 31 regions: it does every change of its robust list itself, so
/// that "the keeper is dead" says that no change is going on. It starts with its first request and stays.
///
/// Between requests it watches, in each region, the next few participants after its own slot. The kernel wakes one watcher
/// of a token; if that one dies before it has told everybody, its own watchers wake and look at all slots.
final class Keeper: Sendable {
    /// How many participants a keeper watches in each region. One would do; more are for those that are stopped.
    static let watchedSuccessors = 3
    /// The regions of one keeper: watched tokens and the roster of each, and the control word, fit into one sleep.
    static let regionLimit = (FutexWaitSet.limit - 1) / (watchedSuccessors + 1)

    enum Request: Sendable {
        case attach(Attachment)
        case detach(Attachment)

        var attachment: Attachment {
            switch self {
            case .attach(let attachment), .detach(let attachment): attachment
            }
        }
    }

    private struct State {
        var requests: [Request] = []
        var hasThread = false
    }

    private let state = Lock(State())
    /// Counts the requests.
    let control = FutexWord()
    /// The regions that it serves or was asked to serve.
    private let reserved = Atomic<Int>(0)

    var hasRoom: Bool { reserved.load(ordering: .relaxed) < Self.regionLimit }
    func reserve() { reserved.wrappingAdd(1, ordering: .relaxed) }
    func unreserve() { reserved.wrappingSubtract(1, ordering: .relaxed) }

    /// Hands a request to the thread. What cannot be started ends the attachment with the reason.
    func post(_ request: Request) {
        let failure = state.withLock { state -> IPCError? in
            state.requests.append(request)
            guard !state.hasThread else { return nil }
            do throws(SystemCallError) {
                try SystemThread.start("ipc-keeper") {
                    var run = KeeperRun(self)
                    run.serve()
                }
                state.hasThread = true
                return nil
            } catch {
                state.requests.removeLast()
                return IPCError(error, "attach to a shared region")
            }
        }
        if let failure { return request.attachment.didEnd(failure) }
        _ = control.add(1)
        control.wake()
    }

    /// Takes the requests that came.
    func takeRequests() -> [Request] {
        state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }
}
