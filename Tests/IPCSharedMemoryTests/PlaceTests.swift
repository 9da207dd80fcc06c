import IPCSharedMemory
import Testing

@Suite struct PlaceTests {
    @Test func placesAreTheSameWhenKindAndNameAre() {
        #expect(SharedMemoryPlace.named("a") == .named("a"))
        #expect(SharedMemoryPlace.named("a") != .file("a"))
        #expect(SharedMemoryPlace.segment(key: 1) != .segment(key: 2))
    }
}
