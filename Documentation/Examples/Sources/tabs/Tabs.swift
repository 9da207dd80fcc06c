import Glibc
import IPCWorkers

/// `tabs [COUNT]`: a window with tabs, each a process of its own, as web browsers have them. One crashes on its page; the
/// others do not notice, and its supervisor opens it again.
///
///     swift run --package-path Documentation/Examples tabs 3
@main struct Tabs {
    static func main() async {
        var arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if arguments.first == "tab" { exit(try await Tab.run(arguments[1])) }
            let count = arguments.isEmpty ? 3 : Int(arguments.removeFirst()) ?? 0
            guard (2...50).contains(count), arguments.isEmpty else {
                print("USAGE: tabs [COUNT], from 2 to 50")
                exit(64)
            }
            try await Window(tabCount: count).run()
        } catch {
            print("tabs: \(error)")
            exit(1)
        }
    }
}

/// The process that the user sees. It shows what the tabs say of themselves, and runs none of what pages bring.
struct Window {
    let tabCount: Int

    func run() async throws {
        let tabs = (1...tabCount).map { number in
            SupervisedChild.program(
                "tab \(number)", .current, arguments: ["tab", "\(number)"],
                readyWhen: .announced(within: .seconds(60)), output: .discarded)
        }
        try await withSupervisor(tabs) { supervisor in
            let before = supervisor.children
            for tab in before { print("\(tab.path) shows \(tab.status ?? "nothing")") }
            try await crashAndWait(before[1], supervisor)
            let kept = zip(before, supervisor.children).count { $0.processID == $1.processID }
            print("\(tabCount) tabs are open, \(kept) of them all the time")
        }
    }

    /// Lets a tab meet a page that it does not survive, and tells what becomes of it.
    private func crashAndWait(_ tab: Supervisor.ChildStatus, _ supervisor: Supervisor) async throws {
        let events = supervisor.events
        kill(tab.processID ?? 0, SIGUSR1)
        for await event in events {
            switch event {
            case .crashed(tab.path, let error):
                print("\(tab.path) \(error.workerCrash?.status.map { "\($0)" } ?? "is gone")")
            case .status(tab.path, let page):
                print("\(tab.path) is back and shows \(page)")
            case .ready(tab.path):
                return
            default: break
            }
        }
    }
}
