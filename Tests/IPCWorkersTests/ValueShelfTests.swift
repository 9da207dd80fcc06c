import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

/// Files that large values share, one after another.
@Suite(.watched) struct ValueShelfTests {
    private func value(_ byte: UInt8, _ count: Int = 300_000) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    private func put(_ bytes: [UInt8], into shelf: ValueShelf) throws -> SealedFile {
        try unsafe shelf.file(bytes.span.bytes)
    }

    private func number(of file: SealedFile) throws -> Int32 { try #require(file.descriptor.borrowedNumber) }

    /// What the other side finds.
    private func contents(of file: SealedFile, word: UInt64? = nil) throws -> [UInt8] {
        let copy = try PassedDescriptor(duplicating: try number(of: file))
        return try contents(of: copy, word: word ?? file.word)
    }

    private func contents(of descriptor: PassedDescriptor, word: UInt64) throws -> [UInt8] {
        // By its name: the span of a temporary beside a call that throws stops the compiler of Swift 6.3.1.
        let received = try SealedFile(descriptor, word: word)
        return [UInt8](received.span)
    }

    @Test func aFileIsUsedAgainWhenItsValueIsGone() throws {
        let shelf = ValueShelf(awaitsReader: false)
        var first: SealedFile? = try put(value(1), into: shelf)
        let second = try put(value(2), into: shelf)
        let place = try number(of: try #require(first))
        #expect(try number(of: second) != place)
        let reader = try PassedDescriptor(duplicating: place)
        let received = try SealedFile(reader, word: try #require(first).word)
        first = nil
        let third = try put(value(3, 299_999), into: shelf)
        #expect(try number(of: third) == place)
        // What was received before is a copy.
        #expect([UInt8](received.span) == value(1))
        #expect(try contents(of: third) == value(3, 299_999))
    }

    @Test func aFileThatIsToBeReadIsNotUsedBefore() throws {
        let shelf = ValueShelf(awaitsReader: true)
        var first: SealedFile? = try put(value(1), into: shelf)
        let place = try number(of: try #require(first))
        let descriptor = try PassedDescriptor(duplicating: place)
        let word = try #require(first).word
        first = nil
        let second = try put(value(2), into: shelf)
        #expect(try number(of: second) != place)
        #expect(try contents(of: descriptor, word: word) == value(1))
        let third = try put(value(3), into: shelf)
        #expect(try number(of: third) == place)
    }

    /// Whoever gets a file of the pool reads it alone: another worker may get the same task after him.
    @Test func othersCannotWrite() throws {
        let shelf = ValueShelf(awaitsReader: false)
        let file = try put(value(1), into: shelf)
        let place = try number(of: file)
        #expect(throws: SystemCallError.self) { try MappedMemory(place, byteCount: 4096) }
        #expect(throws: SystemCallError.self) { try FileCalls.truncate(place, to: 10) }
    }

    @Test func whatFindsNoPlaceHasASealedFileOfItsOwn() throws {
        let shelf = ValueShelf(awaitsReader: false, limit: 400_000)
        let first = try put(value(1), into: shelf)
        let second = try put(value(2), into: shelf)
        let large = try put(value(3, ValueShelf.largestValue + 1), into: shelf)
        #expect(first.word & SealedFile.keptMark != 0)
        for (file, bytes) in [(second, value(2)), (large, value(3, ValueShelf.largestValue + 1))] {
            #expect(file.word == UInt64(bytes.count))
            #expect(try contents(of: file) == bytes)
        }
        #expect(try contents(of: first) == value(1))
    }

    @Test func aSmallFileMakesRoomForALargerOne() throws {
        let shelf = ValueShelf(awaitsReader: false, limit: 400_000)
        _ = try put(value(1, 70_000), into: shelf)
        let larger = try put(value(2), into: shelf)
        #expect(larger.word & SealedFile.keptMark != 0)
        #expect(try contents(of: larger) == value(2))
    }

    /// Each file without a value is a descriptor: what many values at once have left is not kept for ever.
    @Test func fewFilesAreKept() throws {
        let shelf = ValueShelf(awaitsReader: false)
        for _ in 0..<2 {
            let files = try (0..<ValueShelf.mostIdle + 8).map { try put(value(UInt8($0), 1000), into: shelf) }
            #expect(files.allSatisfy { $0.word & SealedFile.keptMark != 0 })
            #expect(shelf.idleCount == 0)
        }
        #expect(shelf.idleCount == ValueShelf.mostIdle)
        // Those that went count no more.
        let more = try put(value(7, ValueShelf.largestValue), into: shelf)
        #expect(more.word & SealedFile.keptMark != 0)
        #expect(try contents(of: more) == value(7, ValueShelf.largestValue))
    }

    /// Words that a hostile worker may send.
    @Test func wrongWordsAreRefused() throws {
        let shelf = ValueShelf(awaitsReader: true)
        let file = try put(value(1), into: shelf)
        let bytes = value(1)
        let sealed = try unsafe SealedFile(bytes.span.bytes)
        for word in [
            SealedFile.keptMark, SealedFile.keptMark | 100_000_000, SealedFile.keptMark | UInt64(Int32.max),
            SealedFile.awaitedMark | 300_000, file.word + 100_000, 300_000,
        ] {
            #expect(throws: IPCError.self, "\(word)") { try contents(of: file, word: word) }
        }
        #expect(throws: IPCError.self) {
            try contents(of: sealed, word: SealedFile.awaitedMark | SealedFile.keptMark | 300_000)
        }
    }

    @Test(arguments: [100_000, 300_000, 2_000_000, 5_000_000])
    func largeValuesComeBackOneAfterAnother(_ size: Int) async throws {
        try await withHelperPool { pool async throws in
            var count = 0
            let tasks = (0..<20).map { Echo(bytes: value(UInt8($0), size + $0)) }
            for try await bytes in pool.map(tasks) {
                #expect(bytes == value(UInt8(count), size + count))
                count += 1
            }
            #expect(count == 20)
        }
    }
}
