import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// Who may do what with a FIFO. F14, F15. Root could do everything, so others are asked as another user.
@Suite(.watched) struct PermissionTests {
    /// Runs the helper as a user that owns nothing.
    private func helper(asNobody: Bool = true, umask: UInt32? = nil, _ arguments: String...) async throws -> String {
        let options = ChildProcess.Options(creationMask: umask)
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", helperPath]
        let command =
            asNobody
            ? Command("setpriv", arguments: nobody + arguments, options: options)
            : Command(.path(helperPath), arguments: arguments, options: options)
        let output = try await command.output()
        #expect(output.status.isSuccess, "\(output.errorText)")
        return output.text.split(separator: "\n").first.map(String.init) ?? ""
    }

    @Test(arguments: [0o000, 0o022, 0o077, 0o777] as [UInt32])
    func permissionsAreAsAskedWhateverTheUmask(_ umask: UInt32) async throws {
        try await withFolder(mode: 0o777) { folder in
            for asNobody in [true, false] {
                let path = "\(folder)/\(asNobody)"
                let made = try await helper(asNobody: asNobody, umask: umask, "pipe-open", path, "create", "none")
                #expect(made == "0600")
                let taken = try await helper(
                    asNobody: asNobody, umask: umask, "pipe-open", path, "openOrCreate", "read")
                #expect(taken == "0600")
            }
        }
    }

    @Test(arguments: [0o600, 0o620, 0o660, 0o666, 0o777, 0o000, 0o200] as [UInt32])
    func permissionsAreExactlyThose(_ mode: UInt32) async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create, permissions: AccessPermissions(rawValue: mode))
            #expect(try FileCalls.status(at: pipe.path).permissions == mode)
            #expect(try pipe.permissions == AccessPermissions(rawValue: mode))
        }
    }

    @Test func oneThatWasLeftHalfMadeIsTakenOver() async throws {
        try await withFolder { folder in
            try FileCalls.makeFIFO(folder + "/fifo", permissions: 0)
            let opened = try NamedPipe(folder + "/fifo", .open, permissions: 0o660)
            #expect(try opened.permissions == 0o000)
            let taken = try NamedPipe(folder + "/fifo", .openOrCreate, permissions: 0o660)
            #expect(try taken.permissions == 0o660)
            #expect(!taken.isCreator)
        }
    }

    @Test func othersAreRefused() async throws {
        try await withFolder(mode: 0o755) { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let reader = try pipe.openReader()
            for use in ["read", "write"] {
                #expect(try await helper("pipe-open", pipe.path, "open", use) == "permissionDenied")
            }
            #expect(try await helper("pipe-open", folder + "/other", "create", "none") == "permissionDenied")
            let open = try NamedPipe(folder + "/open", .create, permissions: 0o622)
            let readerToo = try open.openReader()
            #expect(try await helper("pipe-open", open.path, "open", "write") == "0622")
            #expect(try await helper("pipe-open", open.path, "open", "read") == "permissionDenied")
            withExtendedLifetime((reader, readerToo)) {}
        }
        try await withFolder(mode: 0o700) { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create, permissions: .everyone)
            #expect(try await helper("pipe-open", pipe.path, "open", "read") == "permissionDenied")
        }
    }

    @Test(arguments: [
        "mkfifo -m 666 fifo", "ln -s /etc/passwd fifo", "ln -s elsewhere fifo", "echo > fifo", "mkdir fifo",
    ])
    func squatterIsNotBelieved(_ squat: String) async throws {
        try await withFolder(mode: 0o777) { folder in
            let setUp = "cd \"$1\" && umask 0 && \(squat)"
            _ = try await Command(
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", setUp, "sh", folder
            ).output().checked()
            let path = folder + "/fifo"
            let before = try FileCalls.status(at: path)
            #expect(await code { _ = try NamedPipe(path, .create) } == .alreadyExists)
            for intent in [CreationIntent.open, .openOrCreate] {
                let expected: IPCError.Code =
                    squat.hasPrefix("echo") || squat.hasPrefix("mkdir")
                    ? .alreadyExists : .permissionDenied
                #expect(await code { _ = try NamedPipe(path, intent) } == expected)
            }
            #expect(try FileCalls.status(at: path) == before, "the squatter's object was changed")
            #expect((try? FileCalls.status(at: folder + "/elsewhere")) == nil, "something was made behind the link")
            if squat.hasPrefix("mkfifo") {
                #expect(try NamedPipe(path, .open, owner: .user(65534)).isCreator == false)
                #expect(try NamedPipe(path, .open, owner: .anyone).isCreator == false)
                #expect(await code { _ = try NamedPipe(path, .open, owner: .user(65533)) } == .permissionDenied)
            }
        }
    }

    @Test func rootIsTrustedByOthers() async throws {
        try await withFolder(mode: 0o755) { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create, permissions: .everyone)
            #expect(try await helper("pipe-open", pipe.path, "open", "read") == "0666")
        }
    }

    @Test func capacityAboveTheLimitNeedsPrivilege() async throws {
        #expect(try await helper("pipe-capacity", "\(2 << 20)") == "permissionDenied")
        #expect(try await helper("pipe-capacity", "\(1 << 19)") == "\(1 << 19)")
    }
}
