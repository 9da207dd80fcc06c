import Glibc
import IPCWorkers

/// One tab: a process with a page.
enum Tab {
    /// Shows its page until the window is closed.
    static func run(_ number: String) async throws -> Int32 {
        // Of a signal without a handler a process dies, as of a page that breaks its renderer.
        try await Readiness.report("page \(number)")
        try await Readiness.announce()
        // The window sends SIGTERM when it is closed.
        try await Task.sleep(for: .seconds(86400))
        return 0
    }
}
