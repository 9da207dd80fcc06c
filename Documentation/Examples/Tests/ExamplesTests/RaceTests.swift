import IPCProcess
import Testing

/// `race`: what is lost without a lock is not lost with one, nor by a death.
@Suite(.inTurn) struct RaceTests {
    /// The number that a line has behind a word.
    private func number(after word: String, in line: String) throws -> Int {
        let words = line.split { " ,;:".contains($0) }.map(String.init)
        let position = try #require(words.firstIndex(of: word), "\(line)")
        return try #require(Int(words[position + 1]), "\(line)")
    }

    @Test func onlyTheLockedAndTheAtomicAreWhole() async throws {
        var mostLost = 0
        // How many are lost is chance, and one run may lose none; of twenty one does.
        for _ in 0..<20 where mostLost == 0 {
            let output = try await Example.command("race", ["2", "100000"]).output().checked()
            #expect(output.lines.count == 5)
            for (line, kind) in zip(output.lines, ["plain", "mutex", "atomic"]) {
                #expect(line.hasPrefix("\(kind): 2 times 100000 additions made "))
                let made = try number(after: "made", in: line)
                #expect(line.hasSuffix(" \(200_000 - made) lost"))
                if kind == "plain" {
                    // None comes in addition.
                    #expect((1...200_000).contains(made))
                    mostLost = max(mostLost, 200_000 - made)
                } else {
                    #expect(made == 200_000, "\(line)")
                }
            }
        }
        #expect(mostLost > 0)
    }

    @Test func aDeathLeavesTheSumWhole() async throws {
        for processes in [2, 3] {
            let output = try await Example.command("race", ["\(processes)", "60000"]).output().checked()
            let (first, second) = (output.lines[3], output.lines[4])
            let ofTheDead = try number(after: "made", in: first)
            let ofOthers = try number(after: "others", in: second)
            #expect((15_000...60_000).contains(ofTheDead), "\(first)")
            #expect(ofOthers == (processes - 1) * 60_000, "\(second)")
            #expect(second.hasSuffix("the sum is \(ofTheDead + ofOthers): whole"), "\(second)")
        }
    }

    @Test func wrongArgumentsAreUsageErrors() async throws {
        for wrong in [["x"], ["0"], ["2", "0"], ["1", "2", "3"], ["17"]] {
            #expect(try await Example.command("race", wrong).output().status == .exited(64), "\(wrong)")
        }
    }
}
