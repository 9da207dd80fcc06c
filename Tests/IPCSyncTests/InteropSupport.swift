import IPCProcess
import IPCSync
import IPCSystem
import Testing

/// Other processes for the tests of interop: the helper program, and Python for what only C can call.
enum Interop {
    static let helperPath: String = {
        let tests = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
        return tests.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/ipc-test-helper"
    }()

    /// Runs the helper to its end; what it said first.
    @discardableResult
    static func helper(_ arguments: String...) async throws -> String {
        let output = try await Command(.path(helperPath), arguments: arguments).output()
        #expect(output.status.isSuccess, "\(arguments): \(output.status) \(output.text) \(output.errorText)")
        return output.text.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// Runs the helper, waits for it to say `line`, runs `body`, and kills it.
    static func whileHelper(
        _ arguments: [String], says line: String, _ body: (ChildProcess) async throws -> Void
    ) async throws {
        try await withChildProcess(
            .path(helperPath), arguments: arguments, options: ChildProcess.Options(standardOutput: .pipe)
        ) { child in
            var lines = try child.standardOutput.lines.makeAsyncIterator()
            #expect(try await lines.next() == line)
            try await body(child)
            _ = try? await child.kill()
        }
    }

    static func python(_ program: String) async throws -> String {
        let output = try await Command("python3", "-c", program).output()
        #expect(output.status.isSuccess, "\(output.errorText)")
        return output.text
    }

    static func freshName() -> String { "ipc-sync-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))" }

    static func freshKey() -> Int32 { Int32.random(in: 1 ... .max) }

    static func code(_ body: () async throws -> Void) async -> IPCError.Code? {
        do {
            try await body()
            return nil
        } catch let error as IPCError {
            return error.code
        } catch let error as ChannelBodyError<IPCError> {
            switch error {
            case .channel(let error), .body(let error): return error.code
            }
        } catch let error as LockError<IPCError> {
            switch error {
            case .lock(let error), .body(let error): return error.code
            }
        } catch {
            Issue.record("not an error of this library: \(error)")
            return nil
        }
    }
}
