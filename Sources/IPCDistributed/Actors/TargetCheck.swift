import IPCSystem

/// Whether a method that a peer names belongs to the type of the actor that it is to be called on.
///
/// The runtime finds a distributed method by its name alone and does not look whether the actor is of the type that has it: a
/// call of another type's method would read the actor's memory as something else. So the name must begin with the type's.
final class TargetCheck: Sendable {
    private let prefixes = Lock<[ObjectIdentifier: String?]>([:])

    func allows(_ target: String, on type: any Any.Type) -> Bool {
        let key = ObjectIdentifier(type)
        let prefix: String?
        if let known = prefixes.withLock({ $0[key] }) {
            prefix = known
        } else {
            prefix = Self.prefix(of: type)
            prefixes.withLock { $0[key] = .some(prefix) }
        }
        guard let prefix, target.utf8.starts(with: prefix.utf8) else { return false }
        var rest = MangledName(Array(target.utf8.dropFirst(prefix.utf8.count)))
        return rest.isMember()
    }

    /// How the names of the methods of a type begin; nil for types that are not called from other processes.
    ///
    /// A generic actor is one: its type arguments travel with each call, and the runtime takes them as they come, whatever the
    /// actor's own are.
    static func prefix(of type: any Any.Type) -> String? {
        guard let name = _mangledTypeName(type), name.utf8.last != UInt8(ascii: "G") else { return nil }
        return "$s" + name
    }
}

/// A part of a mangled name, as docs/ABI/Mangling.rst of the Swift project describes them.
private struct MangledName {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether what follows a type's name is the name of a member of that very type: not of a type within it.
    mutating func isMember() -> Bool {
        while let byte = peek, isDigit(byte) {
            guard skipIdentifier() else { return false }
            let mark = offset
            // The discriminator of something private.
            if let byte = peek, isDigit(byte), skipIdentifier(), peek == UInt8(ascii: "L") {
                offset += 2
            } else {
                offset = mark
            }
            switch peek {
            case UInt8(ascii: "E"): offset += 1  // What stood there was the module of an extension.
            case nil, UInt8(ascii: "C"), UInt8(ascii: "V"), UInt8(ascii: "O"), UInt8(ascii: "P"): return false
            default: return true
            }
        }
        return false
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private mutating func skipIdentifier() -> Bool {
        var hasWords = false
        if peek == UInt8(ascii: "0") {
            offset += 1
            if peek == UInt8(ascii: "0") { return false }  // Punycode.
            hasWords = true
        }
        repeat {
            while hasWords, let byte = peek, !isDigit(byte) {
                if byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") { hasWords = false }
                offset += 1
            }
            if peek == UInt8(ascii: "0") {
                offset += 1
                return true
            }
            var count = 0
            guard let first = peek, isDigit(first) else { return false }
            while let byte = peek, isDigit(byte), count <= bytes.count {
                count = count * 10 + Int(byte - UInt8(ascii: "0"))
                offset += 1
            }
            guard count <= bytes.count - offset else { return false }
            offset += count
        } while hasWords && offset < bytes.count
        return true
    }
}
