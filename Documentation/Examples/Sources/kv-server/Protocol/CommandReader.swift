/// Cuts what a client sends into commands: arrays of bulk strings, as clients write them, or lines, as people do (RESP2).
///
/// It reads where the bytes lie and copies nothing; the arguments of a command are views of them.
struct CommandReader {
    enum Step: Equatable {
        /// Its words are what ``argument(_:)`` says.
        case command
        /// There is no whole command; there can be one when so many bytes are there.
        case incomplete(needed: Int)
        /// The client does not speak the protocol; nothing after this can be understood.
        case violation(String)
    }

    /// No more arguments, and no longer ones, are taken.
    struct Limits {
        var arguments = 1 << 16
        var argumentBytes: Int
        /// Of a line.
        var lineBytes = 64 << 10
        /// Of a whole command.
        var commandBytes: Int

        /// What is a little too large for the store is read, so that the client is told so and may go on.
        init(largestEntry: Int) {
            argumentBytes = 2 * largestEntry
            commandBytes = 3 * largestEntry + (1 << 20)
        }
    }

    /// Of a word without a byte: `$0`, and two line ends.
    private static let leastArgumentBytes = 6

    let limits: Limits
    private var arguments: [UnsafeRawBufferPointer] = []
    /// How many words the command has.
    private(set) var count = 0

    init(limits: Limits) {
        self.limits = limits
        arguments.reserveCapacity(16)
    }

    /// A word of the command, its name first. A view that is valid as long as the bytes that were read.
    @inline(__always)
    func argument(_ index: Int) -> UnsafeRawBufferPointer { arguments[index] }

    /// Finds the command that begins at `position`, and moves that behind it.
    mutating func next(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
        guard position < bytes.count else { return .incomplete(needed: bytes.count + 1) }
        count = 0
        return bytes[position] == UInt8(ascii: "*") ? readArray(bytes, &position) : readLine(bytes, &position)
    }

    // MARK: Arrays

    private mutating func readArray(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
        var cursor = position + 1
        let number: Int
        switch readNumber(bytes, &cursor) {
        case .some(let found): number = found
        case .incomplete: return incomplete(bytes, position, needed: bytes.count + 1)
        case .invalid: return .violation("invalid multibulk length")
        }
        guard number <= limits.arguments else { return .violation("invalid multibulk length") }
        var index = 0
        while index < number {
            // What is missing at least, so that a command of many words is not read from its start for each of them.
            let least = cursor + (number - index) * Self.leastArgumentBytes
            guard cursor < bytes.count else { return incomplete(bytes, position, needed: least) }
            guard bytes[cursor] == UInt8(ascii: "$") else {
                return .violation("expected '$', got '\(Self.printable(bytes[cursor]))'")
            }
            cursor += 1
            let length: Int
            switch readNumber(bytes, &cursor) {
            case .some(let found): length = found
            case .incomplete: return incomplete(bytes, position, needed: max(least, bytes.count + 1))
            case .invalid: return .violation("invalid bulk length")
            }
            guard length >= 0, length <= limits.argumentBytes else { return .violation("invalid bulk length") }
            let end = cursor + length
            guard end + 2 <= bytes.count else {
                let others = (number - index - 1) * Self.leastArgumentBytes
                return incomplete(bytes, position, needed: end + 2 + others)
            }
            guard bytes[end] == 13, bytes[end + 1] == 10 else { return .violation("expected CRLF after a bulk string") }
            add(UnsafeRawBufferPointer(rebasing: bytes[cursor..<end]))
            cursor = end + 2
            index += 1
        }
        position = cursor
        return .command
    }

    private enum Number {
        case some(Int)
        case incomplete
        case invalid
    }

    /// Digits, with a sign perhaps, and CRLF.
    @inline(__always)
    private func readNumber(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) -> Number {
        var value = 0
        var digits = 0
        var isNegative = false
        while cursor < bytes.count {
            let byte = bytes[cursor]
            cursor += 1
            if byte == 13 {
                guard cursor < bytes.count else { return .incomplete }
                guard bytes[cursor] == 10, digits > 0 else { return .invalid }
                cursor += 1
                return .some(isNegative ? -value : value)
            }
            if byte == UInt8(ascii: "-"), digits == 0, !isNegative {
                isNegative = true
                continue
            }
            let digit = Int(byte &- 48)
            // Eighteen digits are no number that anything here could have, and fit.
            guard digit < 10, digits < 18 else { return .invalid }
            value = value * 10 + digit
            digits += 1
        }
        return .incomplete
    }

    // MARK: Lines

    /// Words between spaces; quotes have no meaning here.
    private mutating func readLine(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
        var end = position
        while end < bytes.count, bytes[end] != 10 {
            end += 1
            guard end - position <= limits.lineBytes else { return .violation("too big inline request") }
        }
        guard end < bytes.count else { return .incomplete(needed: bytes.count + 1) }
        var cursor = position
        while cursor < end {
            while cursor < end, bytes[cursor] <= 32 { cursor += 1 }
            let start = cursor
            while cursor < end, bytes[cursor] > 32 { cursor += 1 }
            if cursor > start { add(UnsafeRawBufferPointer(rebasing: bytes[start..<cursor])) }
        }
        position = end + 1
        return .command
    }

    // MARK: Parts

    private func incomplete(_ bytes: UnsafeRawBufferPointer, _ position: Int, needed: Int) -> Step {
        guard needed - position <= limits.commandBytes else { return .violation("too big request") }
        return .incomplete(needed: needed)
    }

    @inline(__always)
    private mutating func add(_ argument: UnsafeRawBufferPointer) {
        // The views of earlier commands are overwritten: taking them out costs more.
        if count < arguments.count { arguments[count] = argument } else { arguments.append(argument) }
        count += 1
    }

    private static func printable(_ byte: UInt8) -> Character {
        (33..<127).contains(byte) ? Character(UnicodeScalar(byte)) : "?"
    }
}
