import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

/// Files that large values share, one after another.
@Suite(.watched) struct ValueShelfTests {
    private func value(_ byte: UInt8, _ count: Int = 300_000) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    private func number(of file: SealedFile) throws -> Int32 { try #require(file.descriptor.borrowedNumber) }

    /// As the other side opens it.
    private func received(_ file: SealedFile, word: UInt64? = nil) throws -> SealedFile {
        let copy = try PassedDescriptor(duplicating: try number(of: file))
        return try SealedFile(copy, word: word ?? file.word)
    }

    @Test func aFileIsUsedAgainWhenItsValueIsGone() throws {
        let shelf = ValueShelf(awaitsReader: false)
        var first: SealedFile? = try unsafe shelf.file(value(1).span.bytes)
        let second = try unsafe shelf.file(value(2).span.bytes)
        let place = try number(of: try #require(first))
        #expect(try number(of: second) != place)
        let reader = try received(try #require(first))
        first = nil
        let third = try unsafe shelf.file(value(3, 299_999).span.bytes)
        #expect(try number(of: third) == place)
        // What was received before is a copy.
        #expect([UInt8](reader.span) == value(1))
        #expect([UInt8](try received(third).span) == value(3, 299_999))
    }

    @Test func aFileThatIsToBeReadIsNotUsedBefore() throws {
        let shelf = ValueShelf(awaitsReader: true)
        var first: SealedFile? = try unsafe shelf.file(value(1).span.bytes)
        let place = try number(of: try #require(first))
        let descriptor = try PassedDescriptor(duplicating: place)
        let word = try #require(first).word
        first = nil
        let second = try unsafe shelf.file(value(2).span.bytes)
        #expect(try number(of: second) != place)
        #expect([UInt8](try SealedFile(descriptor, word: word).span) == value(1))
        let third = try unsafe shelf.file(value(3).span.bytes)
        #expect(try number(of: third) == place)
    }

    /// Whoever gets a file of the pool reads it alone: another worker may get the same task after him.
    @Test func othersCannotWrite() throws {
        let shelf = ValueShelf(awaitsReader: false)
        let file = try unsafe shelf.file(value(1).span.bytes)
        let place = try number(of: file)
        #expect(throws: SystemCallError.self) { try MappedMemory(place, byteCount: 4096) }
        #expect(throws: SystemCallError.self) { try FileCalls.truncate(place, to: 10) }
    }

    @Test func whatFindsNoPlaceHasASealedFileOfItsOwn() throws {
        let shelf = ValueShelf(awaitsReader: false, limit: 400_000)
        let first = try unsafe shelf.file(value(1).span.bytes)
        let second = try unsafe shelf.file(value(2).span.bytes)
        let large = try unsafe shelf.file(value(3, ValueShelf.largestValue + 1).span.bytes)
        #expect(first.word & SealedFile.keptMark != 0)
        for (file, bytes) in [(second, value(2)), (large, value(3, ValueShelf.largestValue + 1))] {
            #expect(file.word == UInt64(bytes.count))
            #expect([UInt8](try received(file).span) == bytes)
        }
        #expect([UInt8](try received(first).span) == value(1))
    }

    @Test func aSmallFileMakesRoomForALargerOne() throws {
        let shelf = ValueShelf(awaitsReader: false, limit: 400_000)
        _ = try unsafe shelf.file(value(1, 70_000).span.bytes)
        let larger = try unsafe shelf.file(value(2).span.bytes)
        #expect(larger.word & SealedFile.keptMark != 0)
        #expect([UInt8](try received(larger).span) == value(2))
    }

    /// Words that a hostile worker may send.
    @Test func wrongWordsAreRefused() throws {
        let shelf = ValueShelf(awaitsReader: true)
        let file = try unsafe shelf.file(value(1).span.bytes)
        let sealed = try unsafe SealedFile(value(1).span.bytes)
        for word in [
            SealedFile.keptMark, SealedFile.keptMark | 100_000_000, SealedFile.keptMark | UInt64(Int32.max),
            SealedFile.awaitedMark | 300_000, file.word + 100_000, 300_000,
        ] {
            #expect(throws: IPCError.self, "\(word)") { try received(file, word: word) }
        }
        #expect(throws: IPCError.self) {
            try received(sealed, word: SealedFile.awaitedMark | SealedFile.keptMark | 300_000)
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
