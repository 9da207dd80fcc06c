import Glibc
import IPCProcess

let endpointScenarios: [String: Scenario] = ["endpoints": endpoints]

/// Takes a reading end and a writing end from its parent, copies from one to the other, and checks the rules on the
/// way.
private func endpoints(_ arguments: [String]) async throws -> Int32 {
    try require(InheritedEndpoints.count == 2, "\(InheritedEndpoints.count) endpoints")
    try require(unsafe getenv(InheritedEndpoints.variable) == nil, "the variable is still set")
    let reader = try InheritedEndpoints.take(0, as: PipeReader.self)
    let writer = try InheritedEndpoints.take(1, as: PipeWriter.self)
    for index in 0...2 {
        do {
            _ = try InheritedEndpoints.take(index, as: PipeReader.self)
            throw Wrong("endpoint \(index) was there twice")
        } catch let error as IPCError {
            try require(error.code == .notFound, "\(error)")
        }
    }
    let inherited = try await Command("ls", "/proc/self/fd").output()
    try require(inherited.text == "0\n1\n2\n3\n", "they went on to a third process: \(inherited.text)")
    while let bytes = try await reader.receive() {
        try await writer.send(bytes)
    }
    return 0
}
