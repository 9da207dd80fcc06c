/// A pattern with `*` (any characters, `/` too) and `?` (one character), as `--filter` takes it.
struct Glob {
    let pattern: [Character]

    init(_ pattern: String) {
        self.pattern = Array(pattern)
    }

    /// Whether the whole of `name` fits the pattern.
    func matches(_ name: String) -> Bool {
        let name = Array(name)
        var (position, place) = (0, 0)
        // Where to go on when a guess for the last `*` was too short.
        var retry: (position: Int, place: Int)?
        while place < name.count {
            if position < pattern.count, pattern[position] == "*" {
                retry = (position + 1, place)
                position += 1
            } else if position < pattern.count, pattern[position] == "?" || pattern[position] == name[place] {
                position += 1
                place += 1
            } else if let last = retry {
                retry = (last.position, last.place + 1)
                (position, place) = (last.position, last.place + 1)
            } else {
                return false
            }
        }
        return pattern[position...].allSatisfy { $0 == "*" }
    }
}
