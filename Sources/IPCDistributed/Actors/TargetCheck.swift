import IPCSystem

/// Finds the method that a peer names, if it belongs to the type of the actor that it is to be called on.
///
/// The runtime finds a distributed method by its name alone and does not look whether the actor is of the type that has it: a
/// call of another type's method would read the actor's memory as something else. It also makes the types that a name speaks of
/// before it looks whether there is such a method. So only the name of a method that this program has goes to the runtime, and
/// only one that begins with the type's and has no further type between.
final class TargetCheck: Sendable {
    private struct Question: Hashable {
        let type: ObjectIdentifier
        let target: String
    }

    /// The methods that were found: there are no more than the program has.
    private let found = Lock<[Question: DistributedMethod]>([:])

    /// The method of this name of an actor's type; nil where there is none, or it is another type's.
    func method(_ target: String, of type: any Any.Type) -> DistributedMethod? {
        let question = Question(type: ObjectIdentifier(type), target: target)
        if let known = found.withLock({ $0[question] }) { return known }
        guard let prefix = Self.prefix(of: type), target.utf8.starts(with: prefix.utf8), Self.exists(target) else {
            return nil
        }
        var rest = MangledName(Array(target.utf8.dropFirst(prefix.utf8.count)))
        guard rest.isMember(), !Self.isWithinFunction(target) else { return nil }
        // Of two tasks that come here, the first one's is everybody's.
        guard let method = DistributedMethod(target) else { return nil }
        return found.withLock { found in
            if let known = found[question] { return known }
            found[question] = method
            return method
        }
    }

    /// Whether the program has a distributed method of this name.
    private static func exists(_ target: String) -> Bool {
        let name = Array(target.utf8)
        // SAFETY: the function reads `count` bytes and keeps none of them.
        return unsafe name.withUnsafeBufferPointer { name in
            guard let start = name.baseAddress else { return false }
            return unsafe findAccessibleFunction(start, UInt(name.count)) != nil
        }
    }

    /// Whether a method of this name belongs to a type that is declared within a function: its name begins with the name of the
    /// function, which may be a method of the actor's type. Such a type reads as "Inner #1 in ...".
    private static func isWithinFunction(_ target: String) -> Bool {
        let name = Array(target.utf8)
        var text = [UInt8](repeating: 0, count: 64 * 1024)
        var size = UInt(text.count)
        // SAFETY: the function reads the bytes of the name, writes at most `size` bytes of text and keeps neither.
        let isRead = unsafe name.withUnsafeBufferPointer { name in
            unsafe text.withUnsafeMutableBufferPointer { text in
                guard let start = name.baseAddress else { return false }
                return unsafe demangle(start, UInt(name.count), text.baseAddress, &size, 0) != nil
            }
        }
        guard isRead, size <= UInt(text.count), let end = text.firstIndex(of: 0) else { return true }
        return text[..<end].firstRange(of: Array(" #".utf8)) != nil
    }

    /// How the names of the methods of a type begin; nil for types that are not called from other processes.
    ///
    /// A generic actor is one: its type arguments travel with each call, and the runtime takes them as they come, whatever the
    /// actor's own are.
    static func prefix(of type: any Any.Type) -> String? {
        // The name of a private type has a dollar and an address of this very process.
        guard let name = _mangledTypeName(type), name.utf8.last != UInt8(ascii: "G"), !name.contains("$") else {
            return nil
        }
        return "$s" + name
    }
}

/// The record of a distributed method; nil where the program has none of that name. By the Swift runtime, which calls
/// distributed methods through it.
@_silgen_name("swift_findAccessibleFunction")
private func findAccessibleFunction(_ name: UnsafePointer<UInt8>, _ count: UInt) -> UnsafeRawPointer?

/// Writes a mangled name as people read it. By the Swift runtime; nil for what is no mangled name. `size` becomes larger
/// where the text did not fit.
@_silgen_name("swift_demangle")
private func demangle(
    _ name: UnsafePointer<UInt8>, _ count: UInt, _ text: UnsafeMutablePointer<UInt8>?,
    _ size: UnsafeMutablePointer<UInt>?, _ flags: UInt32
) -> UnsafeMutablePointer<UInt8>?

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
