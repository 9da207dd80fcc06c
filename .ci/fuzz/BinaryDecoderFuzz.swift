// A libFuzzer target for the binary decoder. `.ci/long.d/fuzz-binary-decoder` builds and runs it: the decoder's sources are
// compiled straight into it, with the address sanitizer.

/// Types of every shape that the decoder knows.
private struct Shapes: Codable, Equatable {
    struct Part: Codable, Equatable {
        var name: String
        var size: Int?
        var data: [UInt8]
    }

    enum Action: Codable, Equatable {
        case stop
        case run(name: String, times: UInt16)
        indirect case both(Action, Action)
    }

    var flag: Bool?
    var small: Int8?
    var wide: Int128?
    var ratio: Double?
    var single: Float?
    var text: String?
    var parts: [Part]?
    var numbers: [Int]?
    var singles: [Float]?
    var set: Set<UInt32>?
    var byName: [String: [Int: Bool]]?
    var actions: [Action]?
    var children: [Shapes]?
    var vector: SIMD4<Int32>?
    var optional: [String?]?
}

/// Fills containers by hand, with the rest of the decoder's interface.
private struct ByHand: Decodable {
    enum Keys: CodingKey { case list, fields, parts }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        _ = container.allKeys
        _ = container.contains(.fields)
        _ = try? container.decodeNil(forKey: .fields)
        if var list = try? container.nestedUnkeyedContainer(forKey: .list) {
            // Ends: each turn consumes an element or breaks.
            while !list.isAtEnd {
                if (try? list.decodeNil()) == true { continue }
                if (try? list.decode(Int.self)) != nil { continue }
                if (try? list.decode(String.self)) != nil { continue }
                if (try? list.nestedUnkeyedContainer()) != nil { continue }
                guard (try? list.decode(ByHand.self)) != nil else { break }
            }
            _ = list.codingPath
        }
        if let fields = try? container.nestedContainer(keyedBy: Keys.self, forKey: .fields) {
            _ = try? ByHand(from: fields.superDecoder())
            _ = try? fields.decode([ByHand].self, forKey: .parts)
        }
        _ = decoder.codingPath
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    attempt(ByHand.self, bytes)
    attempt([String: Int].self, bytes)
    attempt([UInt8].self, bytes)
    attempt(Set<Int>.self, bytes)
    guard let value = attempt(Shapes.self, bytes) else { return 0 }
    // What was understood is understood again. NaN differs from itself, so the bytes are compared.
    guard let once = try? BinaryCodec.encode(value), let again = try? BinaryCodec.decode(Shapes.self, from: once) else {
        fatalError("a value that was decoded cannot be sent on")
    }
    precondition((try? BinaryCodec.encode(again))?.count == once.count, "a value changed on its way")
    return 0
}

@discardableResult
private func attempt<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) -> Value? {
    do {
        return try BinaryCodec.decode(type, from: bytes)
    } catch {
        precondition(error.code == .decodingFailed || error.code == .wrongVersion, "another error: \(error)")
        return nil
    }
}
