import Glibc
import IPCProcess
import Testing

/// The programs of this package, built beside the tests.
enum Example {
    /// The path of a program.
    static func path(_ name: String) throws -> String {
        let runner = try #require(realpath("/proc/self/exe", nil))
        defer { free(runner) }
        // The runner may be SwiftPM's own helper; then its first argument names the bundle.
        let places = [String(cString: runner)] + CommandLine.arguments
        for place in places {
            let candidate =
                place.split(separator: "/", omittingEmptySubsequences: false).dropLast()
                .joined(separator: "/") + "/\(name)"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        throw Missing(description: "\(name) is not beside any of \(places)")
    }

    /// A program with its arguments, as a command.
    static func command(_ name: String, _ arguments: [String] = []) throws -> Command {
        Command(.path(try path(name)), arguments: arguments)
    }

    struct Missing: Error, CustomStringConvertible { let description: String }
}

/// A folder of its own, gone when the body is done.
func withTemporaryFolder(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/swift-ipc-examples-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    do {
        try await body(folder)
    } catch {
        _ = try? await Command("rm", "-rf", folder).run()
        throw error
    }
    try await Command("rm", "-rf", folder).run()
}

/// Makes a file. The name is bytes, as the kernel has it.
func makeFile(_ name: [UInt8], in folder: String, _ content: [UInt8]) throws {
    let path = Array(folder.utf8) + [UInt8(ascii: "/")] + name + [0]
    let file = path.withUnsafeBufferPointer { bytes in
        bytes.withMemoryRebound(to: CChar.self) { open($0.baseAddress!, O_WRONLY | O_CREAT | O_EXCL, 0o644) }
    }
    try #require(file >= 0)
    defer { close(file) }
    var rest = content[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        try #require(count > 0)
        rest = rest.dropFirst(count)
    }
}

func makeFile(_ name: String, in folder: String, _ content: String) throws {
    try makeFile(Array(name.utf8), in: folder, Array(content.utf8))
}
