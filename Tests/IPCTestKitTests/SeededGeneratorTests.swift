import IPCTestKit
import TestSupport
import Testing

@Suite(.watched) struct SeededGeneratorTests {
    /// The first numbers of SplitMix64 with seed 1234567, as its authors publish them.
    @Test func numbersAreThoseOfSplitMix64() {
        var generator = SeededGenerator(seed: 1_234_567)
        #expect(
            (0..<3).map { _ in generator.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }

    @Test func sameSeedSameNumbers() {
        var one = SeededGenerator(seed: 5)
        var other = SeededGenerator(seed: 5)
        #expect(one.bytes(100) == other.bytes(100))
    }

    @Test func forksDiffer() {
        let generator = SeededGenerator(seed: 5)
        var first = generator.fork(0)
        var second = generator.fork(1)
        #expect(first.next() != second.next())
    }
}
