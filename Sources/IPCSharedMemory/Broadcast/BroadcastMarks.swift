/// Where records begin, by the writer's own account: every 64th part of the ring or so. The writer moves `oldest` from one
/// of these places to another one, and believes no length in memory that readers may be able to write.
struct BroadcastMarks {
    /// A power of two above the number of marks that there can be: one for each 64th part of the ring, and the first.
    private static let limit = 128

    private let spacing: UInt64
    private var places: [UInt64]
    private var head = 0
    private var count = 1
    /// A record that begins here or later is noted.
    private var next: UInt64

    /// A ring of `capacity` bytes whose only record boundary is `place`.
    init(capacity: UInt64, at place: UInt64) {
        spacing = max(capacity / 64, 8)
        places = [UInt64](repeating: place, count: Self.limit)
        next = place &+ spacing
    }

    /// A record begins, or will, at `place`, which is behind all places before.
    @inline(__always)
    mutating func note(_ place: UInt64) {
        // Positions are compared by their distance, because they may come from a forged word.
        if Int64(bitPattern: place &- next) >= 0 { add(place) }
    }

    @inline(never)
    private mutating func add(_ place: UInt64) {
        places[(head + count) % Self.limit] = place
        count += 1
        next = place &+ spacing
    }

    /// The first place at `needed` or behind it, or one that is up to `more` bytes further, but none beyond `limit` unless
    /// it is the first.
    func first(from needed: UInt64, goingOnFor more: UInt64, notBeyond limit: UInt64) -> UInt64 {
        var found: UInt64?
        for index in 0..<count {
            let place = places[(head + index) % Self.limit]
            guard Int64(bitPattern: place &- needed) >= 0 else { continue }
            if found != nil, place &- needed > more || Int64(bitPattern: limit &- place) < 0 { break }
            found = place
        }
        return found ?? limit
    }

    /// Forgets the places before `place`, but the last one stays.
    mutating func drop(before place: UInt64) {
        while count > 1, Int64(bitPattern: places[head] &- place) < 0 {
            head = (head + 1) % Self.limit
            count -= 1
        }
    }
}
