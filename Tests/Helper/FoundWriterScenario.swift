import IPCCore
import IPCSharedMemory
import IPCSystem

/// What somebody sees who comes while a writer makes its region.
let foundWriterScenarios: [String: Scenario] = ["found-writer": foundWriter]

/// broadcast|lossless|board NAME POINT: makes a writer, looks from outside at the kill point, and is killed there.
private func foundWriter(_ arguments: [String]) async throws -> Int32 {
    let (kind, place) = (arguments[0], SharedMemoryPlace.named(arguments[1]))
    KillPoints.arm(arguments[2], passage: 1) { say(look(kind, place)) }
    if kind == "board" {
        _ = try Blackboard<UInt64>.Writer(at: place)
    } else {
        let delivery: Broadcast.Delivery = kind == "lossless" ? .lossless(readers: 2) : .lossy
        _ = try Broadcast.Writer(at: place, options: BroadcastOptions(delivery: delivery, capacity: 65536))
    }
    say("not killed")
    return 0
}

private func look(_ kind: String, _ place: SharedMemoryPlace) -> String {
    do throws(IPCError) {
        if kind == "board" {
            return try Blackboard<UInt64>.Reader(at: place).hasWriter ? "a writer" : "no writer"
        }
        guard case .empty = try Broadcast.Reader(at: place, from: .oldest).tryReceive() else { return "a message" }
        return "a writer"
    } catch {
        return "\(error)"
    }
}
