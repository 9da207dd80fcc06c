/// Errors of tasks on their way from the worker to the caller.
enum TaskErrors {
    /// In the worker: what a task threw, with its bytes if it has a `Codable` form.
    static func failure(for error: any Error) -> CallFailure {
        if let error = error as? any (Error & Encodable & Sendable) {
            var buffer = MessageBuffer()
            if (try? BinaryCodec.encode(error, into: &buffer)) != nil {
                return CallFailure(
                    IPCError(.taskFailed, "the task threw: \(error)"), typeName: TypeNames.name(of: type(of: error)),
                    payload: [UInt8](buffer.bytes))
            }
        }
        if error is IPCError || error is CancellationError { return CallFailure(thrown: error) }
        return CallFailure(
            IPCError(.taskFailed, "the task threw: \(error)"), typeName: TypeNames.name(of: type(of: error)))
    }

    /// At the caller: the error as itself if it is one of `types`, else as the library's.
    static func error(from failure: CallFailure, oneOf types: [any (Error & Codable).Type]) -> any Error {
        guard !failure.payload.isEmpty || !failure.typeName.isEmpty,
            let type = types.first(where: { TypeNames.name(of: $0) == failure.typeName })
        else { return failure.error }
        return decode(type, failure.payload) ?? failure.error
    }

    private static func decode<Thrown: Error & Codable>(_ type: Thrown.Type, _ payload: [UInt8]) -> (any Error)? {
        try? unsafe BinaryCodec.decode(type, from: payload.span.bytes)
    }
}
