/// Pauses of random length, so that each run of a loop meets another instant.
enum Pause {
    /// Nothing, a few other tasks, or up to `microseconds`.
    static func random(_ generator: inout SeededGenerator, upTo microseconds: Int = 300) async {
        switch generator.next() % 4 {
        case 0: break
        case 1:
            for _ in 0..<(generator.next() % 8) { await Task.yield() }
        default:
            // A cancelled task does not pause, and need not.
            try? await Task.sleep(for: .microseconds(Int.random(in: 0...microseconds, using: &generator)))
        }
    }
}
