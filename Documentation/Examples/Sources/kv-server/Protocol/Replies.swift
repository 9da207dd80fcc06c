/// Answers on their way to a client, one behind the other, in RESP2: written in one piece when a batch is done.
struct Replies {
    /// The first ``count`` bytes are to be sent.
    private(set) var storage = [UInt8](repeating: 0, count: 4096)
    private(set) var count = 0

    mutating func clear() {
        count = 0
        // What a large value needed is not kept for small ones.
        if storage.count > 1 << 20 { storage = [UInt8](repeating: 0, count: 4096) }
    }

    /// Takes back what was written after the first `length` bytes.
    mutating func cut(to length: Int) { count = min(count, length) }

    mutating func ok() { write("+OK\r\n") }
    mutating func null() { write("$-1\r\n") }

    mutating func number(_ number: Int64) {
        write(":")
        write(number)
        write("\r\n")
    }

    mutating func bulk(_ bytes: UnsafeRawBufferPointer) {
        write("$")
        write(Int64(bytes.count))
        write("\r\n")
        write(bytes)
        write("\r\n")
    }

    /// A number as a string, as a value that is one is read.
    mutating func bulk(_ number: Int64) {
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 1) { buffer in
            let count = Self.digits(number, buffer)
            bulk(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    mutating func bulk(_ text: String) {
        var text = text
        text.withUTF8 { bulk(UnsafeRawBufferPointer($0)) }
    }

    mutating func array(_ count: Int) {
        write("*")
        write(Int64(count))
        write("\r\n")
    }

    /// A line in the manner of `+PONG`.
    mutating func simple(_ text: StaticString) {
        write("+")
        write(text)
        write("\r\n")
    }

    /// An error: a word in capitals first, then what is wrong. A line, so line breaks are taken out.
    mutating func error(_ text: String) {
        write("-")
        var line = String(text.map { $0.isNewline ? " " : $0 })
        line.withUTF8 { write(UnsafeRawBufferPointer($0)) }
        write("\r\n")
    }

    // MARK: Bytes

    private mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    private mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        storage.withUnsafeMutableBytes {
            ($0.baseAddress! + count).copyMemory(from: source, byteCount: bytes.count)
        }
        count += bytes.count
    }

    private mutating func write(_ number: Int64) {
        reserve(24)
        count += storage.withUnsafeMutableBytes { buffer in
            Self.digits(number, UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
        }
    }

    /// Decimal digits; returns how many bytes.
    @inline(__always)
    private static func digits(_ number: Int64, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var rest = number.magnitude
        var length = number < 0 ? 1 : 0
        var probe = rest
        repeat {
            length += 1
            probe /= 10
        } while probe > 0
        var end = length
        repeat {
            end -= 1
            buffer[end] = UInt8(truncatingIfNeeded: rest % 10) + 48
            rest /= 10
        } while rest > 0
        if number < 0 { buffer[0] = UInt8(ascii: "-") }
        return length
    }

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if storage.count - count < more { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        storage += [UInt8](repeating: 0, count: max(more, storage.count))
    }
}
