import IPCSockets

/// The listening sockets of a server: for each address one queue, or one for each place that there ever was.
struct ServerQueues: Sendable {
    /// A queue as server and workers name it.
    struct Queue: Sendable {
        let number: Int
        let listener: SocketListener
    }

    /// More addresses than anybody has; all queues of all addresses go to a worker in one message.
    static let maximumAddresses = 16
    /// Queues of one address, in numbers.
    private static let numbersPerAddress = 256

    private var byAddress: [[SocketListener]]

    /// The first queue of each address.
    init(_ first: [SocketListener]) { byAddress = first.map { [$0] } }

    var addresses: [SocketAddress] { byAddress.map { $0[0].address } }

    var listeners: [SocketListener] { byAddress.flatMap(\.self) }

    /// Makes each address have so many queues; changes nothing when it throws.
    mutating func grow(to count: Int, _ options: MultiProcessServerOptions) throws(IPCError) {
        var grown = byAddress
        do throws(IPCError) {
            for index in grown.indices {
                let address = grown[index][0].address
                while grown[index].count < count {
                    grown[index].append(try SocketListener(at: address, options: options.listenerOptions))
                }
            }
        } catch {
            for (new, old) in zip(grown, byAddress) {
                for listener in new.dropFirst(old.count) { listener.close() }
            }
            throw error
        }
        byAddress = grown
    }

    /// The queues that the worker of `place` serves when there are `target` places.
    func of(place: Int, target: Int) -> [Queue] {
        byAddress.enumerated().flatMap { address, listeners in
            listeners.indices.filter { listeners.count == 1 || $0 % target == place }.map {
                Queue(number: address * Self.numbersPerAddress + $0, listener: listeners[$0])
            }
        }
    }
}
