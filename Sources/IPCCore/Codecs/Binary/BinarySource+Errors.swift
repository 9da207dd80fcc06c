/// What went wrong last, and where: enough to work out the path if it matters.
struct BinaryFailure {
    let offset: Int
    let key: String?
    let text: String
}

// The errors that types being decoded see are those of `Codable`; what leaves the codec is an `IPCError`.
extension BinarySource {
    func corrupted(_ text: String, at offset: Int) -> DecodingError {
        lastFailure = BinaryFailure(offset: offset, key: nil, text: text)
        return .dataCorrupted(.init(codingPath: [], debugDescription: text))
    }

    func cut(at offset: Int, limit: Int) -> DecodingError {
        corrupted("expected more bytes, found the end", at: offset)
    }

    func mismatch(_ type: Any.Type, _ slot: BinarySlot) -> DecodingError {
        let tag = slot.packedTag == 0 ? peek(slot.start) : slot.packedTag
        let text = "expected \(type), found \(BinaryTag.describe(tag))"
        lastFailure = BinaryFailure(offset: slot.start, key: nil, text: text)
        let context = DecodingError.Context(codingPath: [], debugDescription: text)
        return tag == BinaryTag.null ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    func missing(_ key: any CodingKey, _ fields: BinaryFields) -> DecodingError {
        let text = "expected a field `\(key.stringValue)`, found none"
        lastFailure = BinaryFailure(offset: fields.valueStart, key: nil, text: text)
        return .keyNotFound(key, .init(codingPath: [], debugDescription: text))
    }

    func missingElement(_ type: Any.Type, _ elements: BinaryElements, at index: Int) -> DecodingError {
        let text = "expected \(type), found the end of the list after \(index) elements"
        lastFailure = BinaryFailure(offset: elements.valueStart, key: nil, text: text)
        return .valueNotFound(type, .init(codingPath: [], debugDescription: text))
    }

    func tooDeep(_ slot: BinarySlot) -> DecodingError {
        corrupted("expected at most \(BinaryCodec.maximumDepth) levels, found more", at: slot.start)
    }

    /// What the caller of the codec is told.
    func decodingError<Value>(_ error: any Error, _ type: Value.Type) -> IPCError {
        if let error = error as? IPCError { return error }
        guard let context = (error as? DecodingError)?.context else {
            return IPCError(.decodingFailed, "decode \(type): \(error)")
        }
        var path = context.codingPath
        if path.isEmpty, let lastFailure, lastFailure.text == context.debugDescription {
            path = self.path(to: lastFailure.offset)
        }
        return IPCError(
            .decodingFailed, "decode \(type): \(BinaryPath.describe(path))\(context.debugDescription)")
    }

    /// The way from the top to the value at `target`, found by walking there.
    func path(to target: Int) -> [any CodingKey] {
        var path: [any CodingKey] = []
        var slot = BinarySlot(start: 1, limit: rootEnd, depth: 0)
        // Each turn goes one level down, and the levels are bounded by the length of the message.
        while slot.start < target, slot.packedTag == 0, let (key, inner) = step(slot, towards: target) {
            path.append(key)
            slot = inner
        }
        return path
    }

    private func step(_ slot: BinarySlot, towards target: Int) -> (BinaryKey, BinarySlot)? {
        if let fields = try? fields(slot) {
            var position = fields.start
            while position < fields.end, let field = try? nextField(fields, at: position) {
                if target < field.end { return (BinaryKey(name: text(of: field.name)), field.slot) }
                position = field.end
            }
        } else if let elements = try? elements(slot) {
            var position = elements.start
            for index in 0..<elements.count {
                guard let element = try? element(elements, at: position) else { return nil }
                if target < element.end { return (BinaryKey(index: index), element.slot) }
                position = element.end
            }
        }
        return nil
    }
}

extension DecodingError {
    fileprivate var context: Context? {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context
        @unknown default: nil
        }
    }
}
