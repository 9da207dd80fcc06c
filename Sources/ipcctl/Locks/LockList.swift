import IPCSharedMemory
import IPCSync

/// `ipcctl locks`: the objects of a region, who has them, and who takes part.
///
/// It copies the region and takes no part in it, so it works while processes are killed, stopped or in debuggers.
enum LockList {
    /// Prints the region of that name, or of that path if there is a slash in it.
    ///
    /// - Returns: whether no object is in trouble.
    static func show(_ name: String) throws(IPCError) -> Bool {
        let view = try SyncRegionView(at: name.contains("/") ? .file(name) : .named(name))
        // The objects first: whoever comes between the two looks is in the second.
        let objects = view.objects
        let participants = view.participants
        let programs = programs(of: participants)
        print(TextTable.lines([objectHeading] + objects.flatMap { rows($0, programs) }))
        print()
        print(TextTable.lines([processHeading] + participants.map { row($0, programs) }))
        return !objects.contains(where: \.isInTrouble)
    }

    // MARK: Objects

    private static let objectHeading = ["object", "kind", "state", "waiters", "process", "program", "has", "seconds"]

    /// A line for each that has the object, or one when nobody has it.
    private static func rows(_ object: SyncObjectFacts, _ programs: [Int: String]) -> [[String]] {
        let start = [Cell.printable(object.name), object.kind, object.state, object.waiters.map(String.init) ?? "-"]
        guard !object.holders.isEmpty else { return [start + ["-", "-", "-", "-"]] }
        return object.holders.map { holder in
            start + [
                holder.processID.map(String.init) ?? "?",
                holder.isAlive ? programs[holder.slot] ?? "?" : "-",
                holder.isAlive ? holder.part : "\(holder.part), died",
                holder.heldForAtLeast.map(seconds) ?? "-",
            ]
        }
    }

    // MARK: Processes

    private static let processHeading = ["process", "program", "state", "seconds"]

    private static func row(_ process: SyncParticipantFacts, _ programs: [Int: String]) -> [String] {
        [
            "\(process.processID)", programs[process.slot] ?? "-", process.isAlive ? "alive" : "died",
            process.age.map(seconds) ?? "-",
        ]
    }

    /// The programs of the living, by their places in the region. A number of another namespace says nothing here.
    private static func programs(of participants: [SyncParticipantFacts]) -> [Int: String] {
        var programs: [Int: String] = [:]
        for process in participants where process.isAlive {
            let name = process.isOfThisNamespace ? ProgramName.of(process.processID) : nil
            programs[process.slot] = name.map(Cell.printable) ?? "?"
        }
        return programs
    }

    // MARK: Cells

    /// With three digits after the point.
    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration.components.attoseconds / 1_000_000_000_000_000
        let digits = "\(1000 + milliseconds)".dropFirst()
        return "\(duration.components.seconds).\(digits)"
    }
}
