import IPCSystem
import IPCTestKit
import TestSupport
import Testing

@Suite(.watched) struct CensusTests {
    @Test func aDescriptorIsSeenWhileItIsOpen() throws {
        let before = DescriptorCensus.take()
        let ends = try DescriptorCalls.makePipe()
        let reader = PassedDescriptor(owning: ends.reading)
        let writer = PassedDescriptor(owning: ends.writing)
        let added = DescriptorCensus.take().subtracting(before)
        let mine = added.descriptors.filter { [ends.reading, ends.writing].contains($0.number) }
        #expect(mine.count == 2)
        #expect(mine.allSatisfy { $0.what.hasPrefix("pipe:[") })
        // Told without the others, because a census tells its first twenty entries and other tests open theirs meanwhile.
        var told = added
        told.descriptors = mine
        #expect("\(told)".contains("descriptor \(ends.reading) pipe:["))
        // The pipe's inode tells it from whatever has the number next.
        let what = try #require(mine.first).what
        withExtendedLifetime((reader, writer)) {}
        closeDescriptor(try #require(reader.take()))
        closeDescriptor(try #require(writer.take()))
        #expect(!DescriptorCensus.take().descriptors.contains { $0.what == what })
    }

    @Test func theDescriptorOpenForLookingIsNotCounted() {
        // Other tests may look at descriptors of their children meanwhile.
        let own = ["/proc/self/fd", "/proc/\(ProcessFacts.processID)/fd"]
        #expect(!DescriptorCensus.take().descriptors.contains { own.contains($0.what) })
    }

    @Test func namesInSharedMemoryAreSeen() throws {
        let name = "swift-ipc-census-\(ProcessFacts.processID)"
        let before = DescriptorCensus.take()
        let file = try FileCalls.open("/dev/shm/\(name)", [.readWrite, .create, .exclusive])
        let added = DescriptorCensus.take().subtracting(before)
        _ = consume file
        try FileCalls.unlink("/dev/shm/\(name)")
        #expect(added.sharedMemoryNames.contains(name))
        #expect(!DescriptorCensus.take().sharedMemoryNames.contains(name))
    }

    @Test func whatBothHaveIsWhatStays() {
        let one = DescriptorCensus(descriptors: [], sharedMemoryNames: ["a", "b"], children: [])
        let other = DescriptorCensus(descriptors: [], sharedMemoryNames: ["b", "c"], children: [])
        #expect(one.intersection(other).sharedMemoryNames == ["b"])
        #expect(one.subtracting(other).sharedMemoryNames == ["a"])
        #expect(!one.isEmpty && one.subtracting(one).isEmpty)
        #expect("\(one)" == "/dev/shm/a, /dev/shm/b")
    }
}
