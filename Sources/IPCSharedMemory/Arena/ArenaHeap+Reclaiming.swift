import IPCSystem

extension ArenaHeap {
    /// Gives back each block in use that no way from `roots` leads to.
    ///
    /// A way is any aligned word that counts (``ArenaShape``) in a reached block and has the place of another one, serial number included: that is
    /// what a ``SharedPointer`` begins with. A number that looks like one by chance keeps a block; it frees none.
    ///
    /// - Returns: how many blocks were given back.
    mutating func reclaim(except roots: [BlockPlace]) -> Int {
        var reached: Set<Int> = []
        var ahead = roots.filter(holds).map(\.offset)
        while let offset = ahead.popLast() {
            guard reached.insert(offset).inserted, let size = used[offset] else { continue }
            let contents = memory.slice(
                offset + ArenaLayout.headerByteCount, size - ArenaLayout.headerByteCount)
            let shape = ArenaShape(raw: memory.word32(offset + ArenaLayout.shapeOffset).loadRelaxed())
            let capacity = Int(clamping: memory.word64(offset + ArenaLayout.capacityOffset).loadRelaxed())
            for range in shape.ranges(in: contents, capacity: capacity) {
                for position in stride(from: (range.lowerBound + 7) / 8 * 8, to: range.upperBound - 7, by: 8) {
                    let place = BlockPlace(raw: contents.word64(position).loadRelaxed())
                    if !reached.contains(place.offset), holds(place) { ahead.append(place.offset) }
                }
            }
        }
        let lost = used.keys.filter { !reached.contains($0) }
        for offset in lost {
            release(offset)
            KillPoints.pass("arena reclaimed")
        }
        return lost.count
    }
}
