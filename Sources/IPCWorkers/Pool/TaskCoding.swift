import IPCSystem

/// Tasks and outputs to bytes, and back.
enum TaskCoding {
    /// The bytes of a task or an element in a buffer of its own, or in a file if it is large.
    static func encode<Value: Encodable>(
        _ value: Value, sharedFrom size: Int, _ values: ValueShelf
    ) throws(IPCError) -> TaskBytes {
        var buffer = MessageBuffer()
        let descriptors = try append(value, to: &buffer)
        var bytes = buffer.count >= size ? TaskBytes(try values.file(buffer.bytes)) : TaskBytes([UInt8](buffer.bytes))
        bytes.descriptors = descriptors
        return bytes
    }

    /// Appends the bytes of a value.
    ///
    /// - Returns: the descriptors that go with it.
    static func append<Value: Encodable>(
        _ value: Value, to buffer: inout MessageBuffer
    ) throws(IPCError) -> [PassedDescriptor] {
        do throws(IPCError) {
            try BinaryCodec.encode(value, into: &buffer)
            return []
        } catch {
            // Values without descriptors, which is nearly all, do not pay for a task-local value.
            guard error.object == DescriptorLuggage.isMissing.object else { throw error }
        }
        let luggage = DescriptorLuggage()
        var failure: IPCError?
        DescriptorLuggage.$current.withValue(luggage) {
            do throws(IPCError) { try BinaryCodec.encode(value, into: &buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        let descriptors = luggage.empty()
        guard descriptors.count <= Parcel.maximumDescriptors else {
            throw IPCError(
                .invalidArgument,
                "send a task: it has \(descriptors.count) descriptors; at most \(Parcel.maximumDescriptors) are possible",
                object: "\(Value.self)")
        }
        return descriptors
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: TaskBytes) throws(IPCError) -> Value {
        guard !bytes.descriptors.isEmpty else { return try BinaryCodec.decode(type, from: bytes.span) }
        let outcome = DescriptorLuggage.$current.withValue(DescriptorLuggage(bytes.descriptors)) {
            () -> Result<Value, IPCError> in
            do throws(IPCError) {
                return .success(try BinaryCodec.decode(type, from: bytes.span))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    static func output<Work: WorkerTask>(of type: Work.Type, _ outcome: TaskOutcome) throws -> Work.Output {
        switch outcome {
        case .value(let bytes): return try decode(Work.Output.self, from: bytes)
        case .failed(let failure): throw TaskErrors.error(from: failure, oneOf: Work.thrownErrors)
        case .lost(let error): throw error
        }
    }
}

extension Duration {
    /// As nanoseconds; more than there is room for becomes the most, less than nothing nothing.
    var nanosecondsClamped: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooMuch) = product.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return overflow || isTooMuch ? .max : sum
    }
}
