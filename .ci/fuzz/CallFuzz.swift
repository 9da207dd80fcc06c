// A libFuzzer target for the state machine of calls, with the reader of its frames. `.ci/long.d/fuzz-calls` builds and runs it.
//
// The input is a script of steps of both sides: calls that are made, given up and waited for, handlers that send items and
// end, time that passes, and messages of the peer, which are the bytes of the input. Whatever they are, a step gives
// actions or a typed error, and what is owed at the end is paid: nobody waits for ever.

import IPCCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var script = Script(Array(UnsafeBufferPointer(start: data, count: count)))
    script.run()
    return 0
}

private struct Script {
    private var rest: ArraySlice<UInt8>
    private var state: CallState<Int, Int>
    /// Waiters that have been handed to the state and not been resumed.
    private var waiting: Set<Int> = []
    private var lastWaiter = 0
    private var own: [UInt64] = []
    private var served: [UInt64] = []
    /// What may wait for the channel: what fills it, and for each of eight depths eight answers of at most one message, each
    /// with the text of a failure.
    private static let largestOutbox = (256 << 10) + 8 * 8 * 4096 + (1 << 16)

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
        state = CallState(limits: CallLimits(requests: 8, messageSize: 4096, window: 16))
    }

    private mutating func next() -> UInt8 { rest.popFirst() ?? 0 }

    private mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func run() {
        // Most inputs are to get past the hello.
        if next() & 7 != 0 {
            var hello: [UInt8] = []
            CallWire.appendHello(CallHello(requestLimit: 4), to: &hello)
            receive(hello)
        }
        while !rest.isEmpty, state.ended == nil { step() }
        act(state.end(with: IPCError(.peerClosed, "the input is over")))
        // Whoever waits for a call is resumed by its end, at the latest.
        precondition(waiting.isEmpty, "somebody waits for ever")
        // What a handler does after the end is nobody's any more.
        let size = state.outbox.size
        for id in served { act(state.finish(id, with: .reply(Array(repeating: 1, count: 3000)))) }
        precondition(state.jobs.isEmpty, "a handler is never done")
        precondition(state.outbox.size == size, "an answer is kept for a peer that is gone")
    }

    private mutating func step() {
        defer { precondition(state.outbox.size < Self.largestOutbox, "what nobody reads piles up") }
        switch next() % 12 {
        case 0, 1, 2, 3:
            receive(take(Int(next())))
        case 4:
            receive(frame())
        case 5:
            let deadline = next() & 1 == 0 ? Deadline.never : .after(.seconds(60))
            let window = Int(next() % 20)
            if let begun = try? state.begin(
                method: 1, payload: take(Int(next() % 32)), until: deadline, window: window)
            {
                own.append(begun.id)
                act(begun.actions)
            }
        case 6:
            guard let id = pick(own) else { return }
            act(state.abandon(id, IPCError(.cancelled, "given up"), forgets: next() & 1 == 0))
        case 7:
            guard let id = pick(own) else { return }
            let (event, actions) = state.next(id)
            act(actions)
            // One task waits for a call at a time, and none after its end.
            guard event == nil, !waiting.contains(Int(id)) else { return }
            waiting.insert(Int(id))
            act(state.wait(for: id, Int(id)))
        case 8:
            guard let id = pick(served) else { return }
            let answers: [CallEvent] = [.reply([1, 2]), .end, .failure(CallFailure(IPCError(.notFound, "none")))]
            act(state.finish(id, with: answers[Int(next()) % 3]))
            served.removeAll { $0 == id }
        case 9:
            guard let id = pick(served) else { return }
            if case .sent(let actions) = state.offer([7], for: id) { act(actions) }
        case 10:
            act(state.expire(at: .max - 1))
        default:
            if next() & 15 == 0 { state.beginDraining() }
            send()
        }
    }

    /// A frame whose header is right, with a body of the input.
    private mutating func frame() -> [UInt8] {
        let kind = CallKind(rawValue: next() % 13) ?? .request
        let id = UInt64(next() % 16)
        let body = take(Int(next() % 72))
        var bytes: [UInt8] = []
        CallWire.append(kind, id: id, body: body, to: &bytes)
        return bytes
    }

    private mutating func pick(_ ids: [UInt64]) -> UInt64? {
        ids.isEmpty ? nil : ids[Int(next()) % ids.count]
    }

    private mutating func receive(_ bytes: [UInt8]) {
        var actions: [CallState<Int, Int>.Action] = []
        do {
            try state.receive(bytes.span.bytes, into: &actions)
            act(actions)
        } catch {
            act(actions)
            act(state.end(with: error))
        }
    }

    private mutating func send() {
        var packet = state.beginSending()
        while packet != nil {
            let (following, actions) = state.didSend()
            packet = following
            act(actions)
        }
    }

    private mutating func act(_ actions: [CallState<Int, Int>.Action]) {
        for action in actions {
            switch action {
            case .resume(let waiter, _):
                precondition(waiting.remove(waiter) != nil, "somebody is resumed twice")
            case .start(let request):
                precondition(request.payload.count <= 4096)
                served.append(request.id)
                act(state.register(Int(request.id), for: request.id))
            case .cancel, .flush, .arm: break
            }
        }
    }
}
