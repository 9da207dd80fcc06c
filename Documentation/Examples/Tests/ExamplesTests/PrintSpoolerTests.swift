import IPCProcess
import Testing

/// `print-spooler`: every job is printed once, though a printer is killed over one.
@Suite(.inTurn) struct PrintSpoolerTests {
    @Test func everyJobIsPrinted() async throws {
        for (printers, submitters, jobs) in [(3, 4, 20), (2, 1, 6), (5, 10, 30)] {
            let output = try await Example.command(
                "print-spooler", ["\(printers)", "\(submitters)", "\(jobs)"]
            ).output().checked()
            let (lines, count) = (output.lines, submitters * jobs)
            #expect(lines.count == printers + 5, "\(lines)")
            #expect(lines.first == "\(submitters) processes submitted \(count) jobs, and are gone")
            #expect(lines.last == "\(count) jobs printed, \(count) different ones")
            // The dead one's job, by another.
            let killed = try #require(lines.first { $0.hasPrefix("printer 1 was killed over job ") })
            let job = try #require(killed.split(separator: " ").last)
            let again = try #require(lines.first { $0.hasPrefix("job \(job) was printed by printer ") })
            #expect(again.hasSuffix(", in delivery 2") && !again.contains("printer 1,"), "\(again)")
            #expect(lines.contains("printer 1 printed 2 jobs"))
            // All urgent ones but those that a printer still had in its hands, and the one of the dead.
            let urgent = try #require(lines.first { $0.hasPrefix("of the first ") }).split(separator: " ")
            let (all, inTime) = try (#require(Int(urgent[3])), #require(Int(urgent[6])))
            #expect(all == submitters * (jobs / 5) && inTime >= all - printers, "\(urgent)")
        }
    }

    @Test func wrongArgumentsAreUsageErrors() async throws {
        for wrong in [["x"], ["1"], ["3", "0"], ["3", "4", "2"], ["3", "50", "1000"], ["3", "4", "20", "1"]] {
            #expect(try await Example.command("print-spooler", wrong).output().status == .exited(64), "\(wrong)")
        }
    }
}
