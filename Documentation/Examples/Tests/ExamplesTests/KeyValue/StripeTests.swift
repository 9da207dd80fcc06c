#if DEBUG
    import Testing

    @testable import kv_server

    /// One stripe in ordinary memory: what it keeps, and what a death before each single store would leave.
    @Suite(.inTurn) struct StripeTests {
        private static let shape = StripeShape(byteCount: 1 << 16)

        private struct Content: Equatable {
            var value: [UInt8]
            var expiry: UInt64 = 0
        }

        private func withStripe(_ body: (StripeMemory) throws -> Void) rethrows {
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.shape.byteCount, alignment: 64)
            defer { bytes.deallocate() }
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            try body(StripeMemory(base: bytes.baseAddress!, shape: Self.shape))
        }

        private func restore(_ memory: StripeMemory, _ snapshot: [UInt8]) {
            snapshot.withUnsafeBytes { memory.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        }

        /// Everything that can be reached.
        private func contents(_ memory: StripeMemory) -> [[UInt8]: Content] {
            var all: [[UInt8]: Content] = [:]
            for bucket in 0..<memory.shape.bucketCount {
                var place = memory.load(memory.shape.bucketsAt + 4 * bucket, as: UInt32.self)
                while place != 0 {
                    let entry = Entry(memory, place)
                    let value = entry.isNumber ? Array("\(entry.number)".utf8) : Array(entry.value)
                    all[Array(entry.key)] = Content(value: value, expiry: entry.expiry)
                    place = entry.next
                }
            }
            return all
        }

        private func put(_ memory: StripeMemory, _ key: [UInt8], _ value: [UInt8], _ expiry: UInt64) -> Bool {
            key.withUnsafeBytes { key in
                value.withUnsafeBytes { value in
                    let hash = KeyHash(key, seed: 7)
                    return memory.put(
                        key, hash, .bytes(value), expiry: expiry, over: memory.find(key, hash, now: 0))
                }
            }
        }

        private func find(_ memory: StripeMemory, _ key: [UInt8]) -> StripeMemory.Found? {
            key.withUnsafeBytes { memory.find($0, KeyHash($0, seed: 7), now: 0) }
        }

        private func putNumber(_ memory: StripeMemory, _ key: [UInt8], _ number: Int64) -> Bool {
            key.withUnsafeBytes { key in
                let hash = KeyHash(key, seed: 7)
                return memory.put(key, hash, .number(number), expiry: 0, over: memory.find(key, hash, now: 0))
            }
        }

        /// The counts agree with what can be reached, and no block is lost: without entries everything is free.
        private func checkCaches(_ memory: StripeMemory, _ expected: [[UInt8]: Content]) throws {
            #expect(memory.header(StripeHeader.count) == expected.count)
            #expect(memory.header(StripeHeader.expiring) == expected.values.filter { $0.expiry != 0 }.count)
            for key in expected.keys { memory.remove(try #require(find(memory, key))) }
            #expect(memory.header(StripeHeader.usedBytes) == 0)
            #expect((0..<memory.shape.pageCount).allSatisfy { memory.kind($0) == 0 })
            for size in 0..<BlockSize.count {
                #expect(memory.load(StripeShape.listsAt + 4 * size, as: UInt32.self) == 0)
            }
        }

        @Test func sizesOfBlocksGrowAndHoldWhatTheySay() {
            var before = 0
            for index in 0..<BlockSize.count {
                let size = BlockSize(index: index)
                #expect(size.byteCount > before && size.byteCount % 16 == 0 && size.blocksInPage >= 2)
                #expect(size.blocksInPage <= 128)
                for byteCount in before + 1...size.byteCount {
                    #expect(BlockSize(holding: byteCount) == size, "\(byteCount)")
                }
                before = size.byteCount
            }
            #expect(before == BlockSize.largest)
        }

        /// Random changes; before each store of each of them the memory is copied and repaired, as after a death there.
        @Test(arguments: [1, 2, 3] as [UInt64])
        func aDeathBeforeAnyStoreLeavesTheOldOrTheNew(seed: UInt64) throws {
            var random = SplitMix(state: seed)
            var deaths = 0
            try withStripe { plain in
                var model: [[UInt8]: Content] = [:]
                for _ in 0..<250 {
                    let key = Array("key-\(UInt.random(in: 0..<24, using: &random))".utf8)
                    let before = model
                    var snapshots: [[UInt8]] = []
                    var memory = plain
                    memory.beforeStore = { memory in
                        snapshots.append(
                            Array(UnsafeRawBufferPointer(start: memory.base, count: memory.shape.byteCount)))
                    }
                    switch UInt.random(in: 0..<10, using: &random) {
                    case 0..<5:
                        let length = Int.random(in: 0..<10, using: &random) == 0 ? 9000 : 400
                        let value = (0..<Int.random(in: 0..<length, using: &random)).map {
                            UInt8(truncatingIfNeeded: $0)
                        }
                        let expiry: UInt64 = Bool.random(using: &random) ? 0 : 1 << 40
                        if put(memory, key, value, expiry) { model[key] = Content(value: value, expiry: expiry) }
                    case 5..<7:
                        let number = Int64.random(in: .min ... .max, using: &random)
                        if let entry = find(memory, key)?.entry, entry.isNumber {
                            memory.setNumber(entry, number)
                            model[key]?.value = Array("\(number)".utf8)
                        } else if putNumber(memory, key, number) {
                            model[key] = Content(value: Array("\(number)".utf8))
                        }
                    case 7:
                        if let entry = find(memory, key)?.entry {
                            memory.setExpiry(entry, 1 << 41)
                            model[key]?.expiry = 1 << 41
                        }
                    default:
                        if let found = find(memory, key) { memory.remove(found) }
                        model[key] = nil
                    }
                    #expect(contents(plain) == model)
                    deaths += snapshots.count
                    for snapshot in snapshots {
                        try withStripe { copy in
                            restore(copy, snapshot)
                            try copy.recover()
                            let left = contents(copy)
                            #expect(left == before || left == model)
                            try checkCaches(copy, left)
                        }
                    }
                }
                try checkCaches(plain, model)
            }
            #expect(deaths > 1000)
        }

        /// A death within the repair after a death: the repair is done again, from any of its own steps.
        @Test func aDeathInARepairIsRepaired() throws {
            try withStripe { memory in
                for index in 0..<60 {
                    #expect(put(memory, Array("k\(index)".utf8), [1, 2, 3], index % 2 == 0 ? 0 : 9))
                }
                #expect(put(memory, Array("large".utf8), [UInt8](repeating: 9, count: 9000), 0))
                for index in 0..<20 { memory.remove(try #require(find(memory, Array("k\(index)".utf8)))) }
                let expected = contents(memory)
                // What a death left: blocks that nobody refers to.
                #expect(memory.allocate(40) != nil && memory.allocate(1500) != nil && memory.allocate(12_000) != nil)
                var steps = 0
                var snapshots: [[UInt8]] = []
                var watched = memory
                watched.beforeStore = { memory in
                    steps += 1
                    guard steps % 7 == 0 else { return }
                    snapshots.append(Array(UnsafeRawBufferPointer(start: memory.base, count: memory.shape.byteCount)))
                }
                try watched.recover()
                #expect(snapshots.count > 20)
                for snapshot in snapshots {
                    try withStripe { copy in
                        restore(copy, snapshot)
                        try copy.recover()
                        #expect(contents(copy) == expected)
                        try checkCaches(copy, expected)
                    }
                }
            }
        }

        /// Words that nobody of the store would write are found, and no access leaves the stripe.
        @Test func damageIsFound() throws {
            let (heap, end) = (UInt32(Self.shape.heapAt / 16), UInt32(Self.shape.byteCount / 16))
            for broken in [16, 1 << 31, heap + 1, end] as [UInt32] {
                withStripe { memory in
                    #expect(put(memory, [1], [2], 0))
                    memory.store(broken, memory.shape.bucketsAt + 4 * 3)
                    #expect(throws: StripeDamage.self) { try memory.recover() }
                }
            }
            // A chain that leads back into itself.
            try withStripe { memory in
                #expect(put(memory, [1], [2], 0))
                let entry = try #require(find(memory, [1])).entry
                memory.store(entry.place, entry.offset)
                #expect(throws: StripeDamage.self) { try memory.recover() }
            }
        }

        @Test func aFullStripeRefusesAndKeepsWhatItHas() throws {
            try withStripe { memory in
                var count = 0
                while put(memory, Array("key-\(count)".utf8), [UInt8](repeating: 1, count: 100), 0) { count += 1 }
                #expect(count > 200)
                #expect(!put(memory, Array("key-0".utf8), [UInt8](repeating: 2, count: 100), 0))
                let first = find(memory, Array("key-0".utf8))
                #expect(first.map { Array($0.entry.value) } == [UInt8](repeating: 1, count: 100))
                let all = contents(memory)
                #expect(all.count == count)
                try checkCaches(memory, all)
                #expect(put(memory, Array("key-0".utf8), [3], 0))
            }
        }
    }

    /// A generator that gives the same numbers each time.
    struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }
#endif
