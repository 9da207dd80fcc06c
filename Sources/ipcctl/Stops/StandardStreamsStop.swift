import IPCPipes
import IPCProcess

/// Standard input and output of a program that knows nothing of channels (cat), and a pipeline of three programs.
struct StandardStreamsStop: TourStop {
    let mechanism = "spawn, stdio, pipeline"

    func visit(until deadline: Deadline) async throws -> TourResult {
        var result = TourResult()
        try await comparePipeline(&result, until: deadline)
        let child = try await ChildProcess.spawn(
            "cat", options: .init(standardInput: .pipe, standardOutput: .pipe))
        return try await withPeer(child) { child in
            let input = try child.standardInput
            let output = try child.standardOutput
            try await measureRoundTrips(&result, input, output, until: deadline)
            try await measureStream(&result, input, output, until: deadline)
            // Plain bytes have no other news of a death than their end.
            result.deathNotice = try await Death.notice(of: child) {
                () -> Result<[UInt8]?, IPCError> in
                do throws(IPCError) {
                    return .success(try await output.receive(until: deadline))
                } catch {
                    return .failure(error)
                }
            } expected: {
                $0 == .success(nil)
            }
            return result
        }
    }

    /// The second process is another program here.
    func serve(_ arguments: [String]) async throws {
        throw UsageError("\(mechanism) has no second process of this program")
    }

    private func comparePipeline(_ result: inout TourResult, until deadline: Deadline) async throws {
        let words = (0..<5_000).map { "word \($0 % 100)\n" }.joined()
        let output = try await (Command("sort") | Command("uniq", "-c") | Command("wc", "-l"))
            .output(input: Array(words.utf8), until: deadline).checked()
        try require(output.text == "100\n", "sort | uniq -c | wc -l says \(output.text)")
        result.messagesChecked += 1
    }

    private func measureRoundTrips(
        _ result: inout TourResult, _ input: PipeWriter, _ output: PipeReader, until deadline: Deadline
    ) async throws {
        let clock = ContinuousClock()
        for round in 0..<1_000 {
            let bytes = Pattern.bytes(count: 64, seed: round)
            let start = clock.now
            try await input.send(bytes, until: deadline)
            let answer = try await receive(bytes.count, output, until: deadline)
            result.roundTrips.append(clock.now - start)
            try require(answer == bytes, "round trip \(round) came back changed")
            result.messagesChecked += 1
        }
    }

    private func measureStream(
        _ result: inout TourResult, _ input: PipeWriter, _ output: PipeReader, until deadline: Deadline
    ) async throws {
        let chunk = Pattern.bytes(count: 65_536, seed: 7)
        let count = 512
        let start = ContinuousClock.now
        async let writing: Void = write(chunk, count, to: input, until: deadline)
        for index in 0..<count {
            let answer = try await receive(chunk.count, output, until: deadline)
            try require(answer == chunk, "part \(index) of the stream came back changed")
        }
        try await writing
        result.streamTime = ContinuousClock.now - start
        result.byteCount = count * chunk.count
        result.messagesChecked += count
    }

    private func write(
        _ chunk: [UInt8], _ count: Int, to input: PipeWriter, until deadline: Deadline
    ) async throws(IPCError) {
        for _ in 0..<count { try await input.send(chunk, until: deadline) }
    }

    /// `count` bytes, however they come: what comes after them is for the next call.
    private func receive(
        _ count: Int, _ output: PipeReader, until deadline: Deadline
    ) async throws -> [UInt8] {
        guard let bytes = try await output.read(exactly: count, until: deadline) else {
            throw TourFailure("the output ended")
        }
        return bytes
    }
}
