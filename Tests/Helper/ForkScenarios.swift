import Glibc
import IPCSystem
import Synchronization

let forkScenarios: [String: Scenario] = ["fork-once": onceInFork]

private enum Once {
    static let hasBegun = Atomic<Bool>(false)
    static let hasEnded = Atomic<Bool>(false)
    static let early: Int32 = { getpid() }()
    static let late: Int32 = {
        hasBegun.store(true, ordering: .sequentiallyConsistent)
        // Long enough for another thread to come and wait.
        usleep(200_000)
        return getpid()
    }()
}

/// `fork-once`: in the child of a fork a second thread wants what the first one does once, while that does it. Both go on.
private func onceInFork(_ arguments: [String]) async throws -> Int32 {
    // From here on the runtime knows the number of this thread, if it has not known it before.
    try require(Once.early == getpid() && !ProcessFacts.isForked, "this is no child of a fork")
    // Known before the fork, so that the child's threads meet at the one thing alone.
    try require(!isSet(Once.hasBegun) && !isSet(Once.hasEnded), "it has not begun")
    let child = try TestingCalls.fork {
        guard ProcessFacts.isForked else { return 2 }
        startThread {
            while !isSet(Once.hasBegun) { usleep(100) }
            if Once.late == getpid() { Once.hasEnded.store(true, ordering: .sequentiallyConsistent) }
        }
        guard Once.late == getpid() else { return 3 }
        while !isSet(Once.hasEnded) { usleep(100) }
        return 0
    }
    var status: Int32 = -1
    for _ in 0..<12_000 {
        if unsafe waitpid(child, &status, WNOHANG) == child {
            try require(status == 0, "the child ended with \(status)")
            return 0
        }
        usleep(5000)
    }
    kill(child, SIGKILL)
    throw Wrong("the child hangs")
}

private func isSet(_ flag: borrowing Atomic<Bool>) -> Bool { flag.load(ordering: .sequentiallyConsistent) }
