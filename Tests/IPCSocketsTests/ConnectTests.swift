import IPCSockets
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct ConnectTests {
    @Test func nothingThere() async throws {
        try await withFolder { folder in
            for path in [folder + "/none", folder + "/none/deeper"] {
                let address = try SocketAddress.unix(path: path)
                let error = await failure { () async throws(IPCError) in try await SocketChannel.connect(to: address) }
                #expect(error?.code == .notFound)
                #expect(error?.object == path)
            }
        }
    }

    @Test func nobodyListens() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/dead")
            let socket = try SocketCalls.makeUnixSocket(.stream)
            try SocketCalls.bindUnix(socket.number, path: folder + "/dead")
            let error = await failure { () async throws(IPCError) in try await SocketConnection.connect(to: address) }
            #expect(error?.code == .connectionRefused)
            #expect(error?.object == address.path)
            try FileCalls.unlink(folder + "/dead")
        }
    }

    @Test func socketOfAnotherType() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/packets")
            let socket = try SocketCalls.makeUnixSocket(.packets)
            try SocketCalls.bindUnix(socket.number, path: folder + "/packets")
            try SocketCalls.listen(socket.number, backlog: 1)
            let error = await failure { () async throws(IPCError) in try await SocketConnection.connect(to: address) }
            #expect(error?.code == .invalidArgument)
            try FileCalls.unlink(folder + "/packets")
        }
    }

    @Test func fullQueueIsWaitedFor() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            try await SocketListener.withListener(at: address, options: .init(backlog: 1)) { listener in
                var clients: [SocketConnection] = []
                var last: IPCError?
                while last == nil {
                    do throws(IPCError) {
                        clients.append(
                            try await SocketConnection.connect(to: address, until: .after(.milliseconds(30))))
                    } catch {
                        last = error
                    }
                }
                #expect(last?.code == .timedOut)
                #expect(clients.count == 2)
                #expect(
                    await failure { () async throws(IPCError) in
                        try await SocketConnection.connect(to: address, until: .now)
                    }?.code == .timedOut)
                let cancelled = Task { try await SocketConnection.connect(to: address) }
                let patient = Task { try await SocketConnection.connect(to: address) }
                try await Task.sleep(for: .milliseconds(30))
                cancelled.cancel()
                let error = await #expect(throws: IPCError.self) { try await cancelled.value }
                #expect(error?.isCancellation == true)
                let accepted = try #require(try await listener.accept())
                let client = try await patient.value
                try await client.write([1])
                #expect(try await listener.accept() != nil)
                withExtendedLifetime((clients, accepted)) {}
            }
        }
    }
}
