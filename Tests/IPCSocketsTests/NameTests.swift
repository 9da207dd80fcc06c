import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct NameTests {
    private func listenError(_ path: String) async -> IPCError? {
        await failure { () async throws(IPCError) in try SocketListener(at: .unix(path: path)) }
    }

    /// A socket's file whose server is gone.
    private func leaveDeadSocket(_ path: String) throws {
        let socket = try SocketCalls.makeUnixSocket(.stream)
        try SocketCalls.bindUnix(socket.number, path: path)
    }

    @Test func deadNameIsTakenOver() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            try leaveDeadSocket(path)
            let listener = try SocketListener(at: .unix(path: path))
            let status = try FileCalls.status(at: path)
            _ = try await SocketConnection.connect(to: listener.address)
            #expect(status.permissions == 0o600)
            #expect(try FileCalls.status(at: path + ".lock").permissions == 0o600)
            listener.close()
        }
    }

    @Test func lockFileOfADeadServerIsTakenOver() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            try leaveDeadSocket(path)
            _ = try FileCalls.open(path + ".lock", [.create, .readWrite])
            try SocketListener(at: .unix(path: path)).close()
        }
    }

    @Test(arguments: [0o600, 0o660, 0o666, 0o200, 0o777] as [UInt32])
    func permissionsAreExactlyAsAsked(_ permissions: UInt32) async throws {
        try await withFolder { folder in
            let options = SocketListenerOptions(permissions: AccessPermissions(rawValue: permissions))
            let listener = try SocketListener(at: .unix(path: folder + "/s"), options: options)
            #expect(try FileCalls.status(at: folder + "/s").permissions == permissions)
            listener.close()
        }
    }

    @Test func liveServerKeepsItsName() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let first = try SocketListener(at: address)
            #expect(await listenError(folder + "/s")?.code == .addressInUse)
            let client = try await SocketConnection.connect(to: address)
            #expect(try await first.accept() != nil)
            client.close()
            first.close()
            try SocketListener(at: address).close()
        }
    }

    /// Servers that know nothing of the lock file: one that accepts, one with a full queue, one of another type.
    @Test(arguments: ["accepts", "full", "packets"])
    func liveServerWithoutALockKeepsItsName(_ kind: String) async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let socket = try SocketCalls.makeUnixSocket(kind == "packets" ? .packets : .stream)
            try SocketCalls.bindUnix(socket.number, path: path)
            try SocketCalls.listen(socket.number, backlog: 0)
            let filler = try SocketCalls.makeUnixSocket(.stream)
            if kind == "full" { #expect(try SocketCalls.connectUnix(filler.number, path: path)) }
            let inode = try FileCalls.status(at: path).inode
            let error = await listenError(path)
            #expect(error?.code == .addressInUse)
            #expect(error?.object == path)
            #expect(try FileCalls.status(at: path).inode == inode)
            try FileCalls.unlink(path)
        }
    }

    @Test func otherFilesAreRefusedAndUntouched() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            _ = try FileCalls.open(path, [.create, .readWrite])
            #expect(await listenError(path)?.code == .alreadyExists)
            #expect(try FileCalls.status(at: path).kind == .regular)
            try FileCalls.unlink(path)
            try FileCalls.makeFIFO(path, permissions: 0o600)
            #expect(await listenError(path)?.code == .alreadyExists)
            #expect(try FileCalls.status(at: path).kind == .fifo)
            try FileCalls.unlink(path)
            try FileCalls.makeDirectory(path, permissions: 0o700)
            #expect(await listenError(path)?.code == .alreadyExists)
            try FileCalls.removeDirectory(path)
        }
    }

    @Test func symbolicLinksAreRefusedAndUntouched() async throws {
        try await withFolder { folder in
            let (path, target) = (folder + "/s", folder + "/target")
            try leaveDeadSocket(target)
            for destination in [target, folder + "/nowhere"] {
                try await link(destination, path)
                let error = await listenError(path)
                #expect(error?.code == .permissionDenied)
                #expect(error?.message.contains("symbolic link") == true)
                #expect(try FileCalls.status(at: path).kind == .symbolicLink)
                try FileCalls.unlink(path)
            }
            #expect(try FileCalls.status(at: target).kind == .socket)
            try FileCalls.unlink(target)
        }
    }

    @Test func lockFileMustBeAFile() async throws {
        try await withFolder { folder in
            let (path, lock) = (folder + "/s", folder + "/s.lock")
            try await link(folder + "/victim", lock)
            #expect(await listenError(path)?.code == .permissionDenied)
            try FileCalls.unlink(lock)
            try FileCalls.makeFIFO(lock, permissions: 0o600)
            #expect(await listenError(path)?.code == .alreadyExists)
            try FileCalls.unlink(lock)
            try FileCalls.makeDirectory(lock, permissions: 0o700)
            #expect(await listenError(path)?.code == .alreadyExists)
            try FileCalls.removeDirectory(lock)
            try leaveDeadSocket(lock)
            #expect(await listenError(path)?.code == .alreadyExists)
            try FileCalls.unlink(lock)
        }
    }

    @Test func folderThatIsNone() async throws {
        try await withFolder { folder in
            #expect(await listenError(folder + "/no/s")?.code == .notFound)
            _ = try FileCalls.open(folder + "/file", [.create, .readWrite])
            let error = await listenError(folder + "/file/s")
            #expect(error?.code == .notFound)
            #expect(error?.object == folder + "/file")
            try FileCalls.unlink(folder + "/file")
        }
    }

    @Test func anothersNameIsNotRemoved() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let listener = try SocketListener(at: .unix(path: path))
            try leaveDeadSocket(folder + "/other")
            try FileCalls.rename(folder + "/other", to: path)
            let inode = try FileCalls.status(at: path).inode
            listener.close()
            #expect(try FileCalls.status(at: path).inode == inode)
            try FileCalls.unlink(path)
        }
    }

    @Test func removedLockFileDoesNotLetAnotherIn() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let listener = try SocketListener(at: .unix(path: path))
            try FileCalls.unlink(path + ".lock")
            #expect(await listenError(path)?.code == .addressInUse)
            _ = try await SocketConnection.connect(to: listener.address)
            listener.close()
        }
    }

    @Test func failureInTheMiddleLeavesNothing() async throws {
        try await withFolder { folder in
            // Longer than a file's name may be: found out after the lock file's turn.
            let error = await listenError(folder + "/" + String(repeating: "x", count: 60) + "/s")
            #expect(error?.code == .notFound)
        }
    }

    /// Of many that race for a name that a dead server left, one listens and the others are told.
    @Test func oneOfManyWins() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            for round in 0..<20 {
                if round % 2 == 0 { try leaveDeadSocket(folder + "/s") }
                let results = await withTaskGroup { group in
                    for _ in 0..<20 {
                        group.addTask { () -> Result<SocketListener, IPCError> in
                            do throws(IPCError) {
                                return .success(try SocketListener(at: address))
                            } catch {
                                return .failure(error)
                            }
                        }
                    }
                    var results: [Result<SocketListener, IPCError>] = []
                    for await result in group { results.append(result) }
                    return results
                }
                let listeners = results.compactMap { try? $0.get() }
                #expect(listeners.count == 1)
                for case .failure(let error) in results { #expect(error.code == .addressInUse) }
                _ = try await SocketConnection.connect(to: address)
                #expect(try await listeners.first?.accept() != nil)
                listeners.first?.close()
            }
        }
    }

    private func link(_ destination: String, _ path: String) async throws {
        _ = try await Command("ln", "-s", destination, path).output().checked()
    }
}
