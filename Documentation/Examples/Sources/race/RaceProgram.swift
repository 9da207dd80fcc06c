import Glibc
import IPCProcess
import IPCSync

/// `race`: several processes add to one number.
///
///     race [PROCESSES [ADDITIONS]]    2 processes and 200,000 additions of each, unless told otherwise
///
/// Four times: without a lock, with a mutex, with an atomic word, and with a mutex while one of the processes is killed. The
/// guide is `Documentation/Synchronization.md`.
@main struct RaceProgram {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if arguments.first == "add" { return try await Race.add(Array(arguments.dropFirst())) }
            let numbers = arguments.compactMap { Int($0) }
            let race = Race(processes: numbers.first ?? 2, additions: numbers.count > 1 ? numbers[1] : 200_000)
            guard numbers.count == arguments.count, numbers.count <= 2, (1...16).contains(race.processes),
                (1...10_000_000).contains(race.additions)
            else {
                print("USAGE: race [PROCESSES [ADDITIONS]]")
                exit(64)
            }
            try await race.run()
        } catch {
            print("race: \(error)")
            exit(1)
        }
    }
}
