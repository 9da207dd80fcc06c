import IPCSockets
import TestSupport
import Testing

@Suite(.watched) struct SocketAddressTests {
    @Test(arguments: ["", "a\0b", "/tmp/", "/tmp/.", "/tmp/..", String(repeating: "x", count: 108)])
    func refusesWhatCannotBeAPath(_ path: String) {
        let error = #expect(throws: IPCError.self) { try SocketAddress.unix(path: path) }
        #expect(error?.code == .invalidName)
        #expect(error?.object == path)
    }

    @Test func tooLongNamesTheLimit() {
        let path = "/tmp/" + String(repeating: "x", count: 103)
        let error = #expect(throws: IPCError.self) { try SocketAddress.unix(path: path) }
        #expect(error?.message.contains("107") == true && error?.message.contains("108") == true)
    }

    @Test func longestPathIsTaken() throws {
        let path = "/" + String(repeating: "x", count: SocketAddress.maximumUnixPathLength - 1)
        #expect(try SocketAddress.unix(path: path).path == path)
    }

    @Test func relativePathAndDescription() throws {
        let address = try SocketAddress.unix(path: "orders.sock")
        #expect(address.path == "orders.sock")
        #expect("\(address)" == "unix:orders.sock")
    }

    /// A file whose name begins as an abstract name is written: read back, it is the same file.
    @Test func relativePathThatLooksAbstract() throws {
        let address = try SocketAddress.unix(path: "@x")
        #expect("\(address)" == "unix:./@x")
        #expect(try SocketAddress("\(address)").path == "./@x")
    }

    @Test(arguments: ["", ".", "..", "a/b", "a\0"])
    func refusesNamesThatAreNoFiles(_ name: String) {
        let error = #expect(throws: IPCError.self) { try SocketAddress.unix(name: name) }
        #expect(error?.code == .invalidName)
    }
}
