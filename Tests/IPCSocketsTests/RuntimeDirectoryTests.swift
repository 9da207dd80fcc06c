import IPCCore
import IPCProcess
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct RuntimeDirectoryTests {
    private var name: String { "swift-ipc-\(ProcessFacts.effectiveUser)" }

    @Test func madeOnceForThisUserAlone() async throws {
        try await withFolder(permissions: 0o1777) { parent in
            let path = try RuntimeDirectory.privateDirectory(in: parent)
            #expect(path == parent + "/" + name)
            #expect(try FileCalls.status(at: path).permissions == 0o700)
            #expect(try RuntimeDirectory.privateDirectory(in: parent) == path)
            try FileCalls.removeDirectory(path)
        }
    }

    @Test func openFolderIsRefused() async throws {
        try await withFolder { parent in
            try FileCalls.makeDirectory(parent + "/" + name, permissions: 0o700)
            try FileCalls.setPermissions(at: parent + "/" + name, 0o750)
            let error = #expect(throws: IPCError.self) { try RuntimeDirectory.privateDirectory(in: parent) }
            #expect(error?.code == .permissionDenied)
            #expect(error?.object == parent + "/" + name)
            try FileCalls.removeDirectory(parent + "/" + name)
        }
    }

    @Test func folderThatAnybodyMayRenameIsRefused() async throws {
        try await withFolder(permissions: 0o777) { parent in
            let error = #expect(throws: IPCError.self) { try RuntimeDirectory.privateDirectory(in: parent) }
            #expect(error?.code == .permissionDenied)
        }
    }

    @Test(
        .enabled(if: canBecomeNobody, "needs root and setpriv"),
        arguments: [
            "import os,sys; os.mkdir(sys.argv[1], 0o700)", "import os,sys; os.symlink('/root', sys.argv[1])",
            "import os,sys; open(sys.argv[1], 'w')",
        ])
    func squattersAreRefused(_ program: String) async throws {
        try await withFolder(permissions: 0o1777) { parent in
            #expect(try await asNobody(program, parent + "/" + name).status.isSuccess)
            let error = #expect(throws: IPCError.self) { try RuntimeDirectory.privateDirectory(in: parent) }
            #expect(error?.code == .permissionDenied)
            try await Command("rm", "-rf", parent + "/" + name).run()
        }
    }
}
