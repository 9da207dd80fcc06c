import IPCSockets
import IPCSystem

// What goes to the workers.
extension WorkerPool {
    /// Sends what can be sent to a worker without waiting; the rest is left to its writer.
    func flush(_ lane: Int) {
        var next: Dispatcher<TaskOwner>.Sending?
        let link = shared.withLock { shared in
            let link = shared.links[lane]
            if link != nil { next = shared.dispatcher.beginSending(lane) }
            return link
        }
        guard let link else { return }
        while let sending = next {
            do throws(IPCError) {
                guard try link.trySend(sending.parcels, sending.packet) else { return }
            } catch {
                // Where the worker is gone, its reader sees the same. Otherwise it is of no use: it gets no more.
                if error.code != .peerClosed { link.giveUp() }
                return
            }
            next = shared.withLock { $0.dispatcher.didSend(lane, link.incarnation) }
        }
    }

    /// Sends what ``flush(_:)`` could not, as long as the worker is this one; then sees it out if it is to leave.
    func writeBacklog(_ lane: Int, _ link: WorkerConnection) async {
        while let left = await link.writer.wait(while: { isCurrent(lane, link) && !link.isLeaving }) {
            var next: Dispatcher<TaskOwner>.Sending? = Dispatcher.Sending(parcels: link.takeBacklog(), packet: left)
            while let sending = next {
                do throws(IPCError) {
                    try await link.send(sending.parcels, sending.packet)
                } catch {
                    if error.code != .peerClosed { link.giveUp() }
                    return
                }
                next = shared.withLock { $0.dispatcher.didSend(lane, link.incarnation) }
            }
        }
        if link.isLeaving { await link.seeOut(grace: options.shutdownGrace) }
    }

    private func isCurrent(_ lane: Int, _ link: WorkerConnection) -> Bool {
        shared.withLock { $0.links[lane]?.incarnation == link.incarnation }
    }

    /// Lets the worker of a stream send more.
    func grant(_ count: UInt32, to session: StreamSession) {
        step { shared, step in
            shared.dispatcher.grant(count, into: &step) { owner in
                if case .stream(let other) = owner { other === session } else { false }
            }
        }
    }
}
