import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// What must not compile: the compiler is asked.
@Suite(.watched) struct RingLoanCompileTests {
    /// Compiles the body of a function that has a `channel`, and returns the compiler's status and words.
    private func compile(_ body: String) async throws -> (isGood: Bool, text: String) {
        let runner = try FileCalls.destination(of: "/proc/self/exe")
        let products = String(runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)])
        let source = """
            import IPCSharedMemory
            func use(_ channel: RingChannel) async throws {
            \(body)
            }
            """
        let compiler = Command(
            "swiftc", "-swift-version", "6", "-emit-sil", "-o", "/dev/null", "-module-name", "Snippet", "-I",
            "\(products)/Modules", "-Xcc", "-fmodule-map-file=\(products)/CIPC.build/module.modulemap", "-")
        let output = try await compiler.output(input: Array(source.utf8), until: .after(.seconds(120)))
        return (output.status.isSuccess, output.text + output.errorText)
    }

    @Test func aLoanIsGoneOnceItIsSent() async throws {
        let right = try await compile("let loan = try await channel.loan(byteCount: 8); try loan.send()")
        #expect(right.isGood, "\(right.text)")
        for wrong in [
            "let loan = try await channel.loan(byteCount: 8); try loan.send(); try loan.send()",
            "let loan = try await channel.loan(byteCount: 8); loan.abort(); try loan.send()",
            "let loan = try await channel.loan(byteCount: 8); try loan.send(); print(loan.byteCount)",
        ] {
            let refused = try await compile(wrong)
            #expect(!refused.isGood)
            #expect(refused.text.contains("'loan'"), "\(refused.text)")
        }
    }

    @Test func itsRoomCannotOutliveIt() async throws {
        let refused = try await compile(
            """
            var loan = try await channel.loan(byteCount: 8)
            var room = loan.mutableBytes
            try loan.send()
            room.storeBytes(of: 1, as: UInt8.self)
            """)
        #expect(!refused.isGood)
        #expect(refused.text.contains("loan"), "\(refused.text)")
    }
}
