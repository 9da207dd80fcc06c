/// What a waiting caller, or a handler that waits for credit, is told.
package enum CallEvent: Sendable, Equatable {
    /// The one reply to a request without a window.
    case reply([UInt8])
    /// One of a stream of replies.
    case item([UInt8])
    /// The stream is over.
    case end
    /// The call failed, here or there.
    case failure(CallFailure)
    /// A handler may send one more item.
    case credit
    /// The peer's hello is here.
    case greeted
    /// No handler runs, and everything was sent.
    case idle
}

/// A request as the serving side sees it.
package struct IncomingRequest: Sendable, Equatable {
    package var id: UInt64
    package var method: UInt32
    package var payload: [UInt8]
    /// When the caller gives up: the remaining time that came with the request, counted from its arrival.
    package var deadline: Deadline
    /// 0 where one reply is wanted, else how many items of a stream may be on their way.
    package var window: Int
    /// How many requests it is nested in. See ``CallWire/maximumDepth``.
    package var depth = 0
}

/// The limits of one end.
package struct CallLimits: Sendable {
    /// How many requests of the peer are served at once; it is told so and must keep to it. 0: none.
    package var requests: Int
    /// The largest message of the channel in bytes.
    package var messageSize: Int
    /// The most items of one stream that may be on their way.
    package var window: Int
    /// What this side says in its hello, for the layer above.
    package var greeting: [UInt8] = []
    /// Looks at what the peer says in its hello; a refusal ends the connection. Called with the owner's lock.
    package var judgeGreeting: (@Sendable ([UInt8]) -> IPCError?)?

    package init(requests: Int = 64, messageSize: Int, window: Int = 1 << 16) {
        self.requests = requests
        self.messageSize = messageSize
        self.window = window
    }
}

/// The state of one end of a connection that carries calls both ways. A value: its owner holds a lock round each step
/// and carries out the actions that the step returns after letting go of it.
///
/// `Waiter` is what a suspended task is resumed by, `Job` what a running handler is cancelled by.
package struct CallState<Waiter: Sendable, Job: Sendable>: Sendable {
    /// What to do outside the lock.
    package enum Action: Sendable {
        /// Resume a task with what it waited for.
        case resume(Waiter, CallEvent)
        /// Run the handler, then ``CallState/finish(_:with:)``; pass its handle to ``CallState/register(_:for:)``.
        case start(IncomingRequest)
        /// Cancel a running handler.
        case cancel(Job)
        /// Send what is in ``CallState/outbox``.
        case flush
        /// Call ``CallState/expire(at:)`` at this time; an earlier request of this kind is void.
        case arm(Deadline)
    }

    /// A call of ours, until its final answer is here and has been taken.
    struct Call: Sendable {
        var deadline: Deadline
        /// 0: one reply.
        var window: Int
        /// The request as long as it waits for room at the peer.
        var unsent: (method: UInt32, payload: [UInt8])?
        /// Items that the peer may still send.
        var credit: Int
        /// Items that were taken since the peer got credit for them.
        var consumed = 0
        var items = ArrayQueue<[UInt8]>()
        var final: CallEvent?
        /// How deep in calls that call back it is. See ``CallWire/maximumDepth``.
        var depth = 0
        /// Nobody here waits for it any more, and this is why; the peer's final answer is still to come.
        var abandoned: CallFailure?
        /// Whoever waited has been told, or has gone: no answer is kept for it.
        var isTold = false
        var waiter: Waiter?
    }

    /// A call of the peer's, until its handler is done.
    struct Serving: Sendable {
        var job: Job?
        var credit: Int
        var isStream: Bool
        var deadline: Deadline
        var isCancelled = false
        /// It was its deadline that cancelled it.
        var isOverdue = false
        var depth: Int
        /// Those who wait to send an item, in ``CallState/waits``.
        var creditTickets: [UInt64] = []
    }

    /// A task that waits for something other than an answer.
    struct Wait: Sendable {
        enum Subject: Sendable, Equatable {
            /// The peer's hello.
            case greeting
            /// That no handler but this one runs, and everything was sent.
            case idle(besides: UInt64?)
            case end
            /// That this request may send another item.
            case credit(UInt64)
        }

        var subject: Subject
        var waiter: Waiter
    }

    package let limits: CallLimits
    package var outbox: CallOutbox
    /// Why the connection is over, once it is.
    package internal(set) var ended: IPCError?
    /// Whether it was the peer who ended it, in order.
    package internal(set) var endedInOrder = false
    var calls: [UInt64: Call] = [:]
    /// Calls that wait until the peer has room, oldest first; those that were given up meanwhile are not in `calls`.
    /// A queue for each depth.
    var unsent = [ArrayQueue<UInt64>](repeating: ArrayQueue(), count: CallWire.maximumDepth + 1)
    /// How many of those in ``unsent`` were given up.
    var staleUnsent = 0
    var lastID: UInt64 = 0
    /// Calls that the peer has and has not answered, those that were given up here included, by depth.
    var unanswered = [Int](repeating: 0, count: CallWire.maximumDepth + 1)
    /// How many the peer takes; nil until its hello is here.
    var peerLimit: Int?
    /// When ``expire(at:)`` is to be called next.
    package internal(set) var armed = Deadline.never
    var serving: [UInt64: Serving] = [:]
    var lastServedID: UInt64 = 0
    /// The same of each depth.
    var lastServedIDs = [UInt64](repeating: 0, count: CallWire.maximumDepth + 1)
    /// What the peer said in its hello.
    package internal(set) var peerGreeting: [UInt8]?
    /// Requests whose final answer has not been handed to the channel, by depth: what the peer may have open.
    var open = [Int](repeating: 0, count: CallWire.maximumDepth + 1)
    var isDraining = false
    /// Whether our goodbye was said: what still comes is the peer's to ask elsewhere.
    var hasSaidGoodbye = false
    /// Whether the peer has said that it takes no more requests.
    var peerHasLeft = false
    /// Whether the peer has declined a request because it takes no more.
    var peerDeclines = false
    /// Whether the peer is known to take no more requests, though the connection lives.
    package var peerIsLeaving: Bool { peerHasLeft || peerDeclines }
    var waits: [UInt64: Wait] = [:]
    var lastTicket: UInt64 = 0
    /// Calls that are owed credit for items taken while the outbox was full.
    var owedCredit: Set<UInt64> = []

    package init(limits: CallLimits) {
        self.limits = limits
        outbox = CallOutbox(packetSize: min(64 * 1024, limits.messageSize))
        let hello = CallHello(requestLimit: UInt32(clamping: limits.requests), payload: limits.greeting)
        outbox.append { CallWire.appendHello(hello, to: &$0) }
    }

    /// The handlers that run.
    package var jobs: [Job] { serving.values.compactMap(\.job) }

    /// Ends the connection: every call fails with `error`, every handler is cancelled. What has arrived of a stream can
    /// still be taken.
    ///
    /// - Parameter inOrder: the peer finished.
    package mutating func end(with error: IPCError, inOrder: Bool = false) -> [Action] {
        guard ended == nil else { return [] }
        ended = error
        endedInOrder = inOrder
        var actions: [Action] = []
        for (id, call) in calls {
            if let abandoned = call.abandoned {
                calls[id] = call.isTold ? nil : call
                calls[id]?.final = .failure(abandoned)
                continue
            }
            guard call.final == nil else { continue }
            let failure = CallFailure(error, reach: call.unsent == nil ? .unknown : .notStarted)
            if let waiter = call.waiter {
                calls[id] = nil
                actions.append(.resume(waiter, .failure(failure)))
            } else {
                calls[id]!.unsent = nil
                calls[id]!.final = .failure(failure)
            }
        }
        for depth in unsent.indices { _ = unsent[depth].removeAll() }
        owedCredit = []
        actions += wake { if case .credit = $0 { false } else { true } }
        for id in serving.keys { actions += cancelServing(id, CallFailure(error)) }
        return actions
    }
}
