/// What a command does with one key, with the words after the key already understood: so that nothing is looked at with the
/// stripe's lock but the key and its value.
enum KeyOperation {
    case get
    case set(SetOptions, value: UnsafeRawBufferPointer)
    case add(Int64)
    case remove
    case exists
    case timeLeft(inMilliseconds: Bool)
    case expire(at: UInt64)
    case persist

    struct SetOptions {
        enum Condition { case none, absent, present }

        var condition = Condition.none
        /// 0: never.
        var expiry: UInt64 = 0
        var keepsTime = false
    }

    /// The operation of a command; nil when its words are wrong, which the client has been told then.
    @inline(__always)
    init?(_ command: CommandName, _ words: borrowing CommandReader, now: UInt64, _ replies: inout Replies) {
        switch command {
        case .get: self = .get
        case .set:
            var options = SetOptions()
            if words.count > 3 {
                guard let parsed = Self.setOptions(words, now, &replies) else { return nil }
                options = parsed
            }
            self = .set(options, value: words.argument(2))
        case .incr: self = .add(1)
        case .decr: self = .add(-1)
        case .incrBy, .decrBy:
            guard let amount = Int64(decimal: words.argument(2)), command == .incrBy || amount != .min else {
                replies.error("ERR value is not an integer or out of range")
                return nil
            }
            self = .add(command == .incrBy ? amount : -amount)
        case .del: self = .remove
        case .exists: self = .exists
        case .ttl, .pttl: self = .timeLeft(inMilliseconds: command == .pttl)
        case .persist: self = .persist
        default:
            guard words.count == 3, let amount = Int64(decimal: words.argument(2)) else {
                replies.error(
                    words.count == 3
                        ? "ERR value is not an integer or out of range" : "ERR Unsupported option")
                return nil
            }
            guard let instant = Self.instant(amount, inSeconds: command == .expire, now) else {
                replies.error("ERR invalid expire time in '\(command.text)' command")
                return nil
            }
            // A time that is over already removes the key.
            self = instant <= now ? .remove : .expire(at: instant)
        }
    }

    private static func setOptions(_ words: borrowing CommandReader, _ now: UInt64, _ replies: inout Replies)
        -> SetOptions?
    {
        var options = SetOptions()
        var index = 3
        while index < words.count {
            switch CommandName.pack(words.argument(index)) {
            case Word.nx where options.condition != .present: options.condition = .absent
            case Word.xx where options.condition != .absent: options.condition = .present
            case Word.keepTTL where options.expiry == 0: options.keepsTime = true
            case let word where (word == Word.ex || word == Word.px) && options.expiry == 0 && !options.keepsTime:
                index += 1
                guard index < words.count else {
                    replies.error("ERR syntax error")
                    return nil
                }
                guard let amount = Int64(decimal: words.argument(index)) else {
                    replies.error("ERR value is not an integer or out of range")
                    return nil
                }
                guard amount > 0, let instant = instant(amount, inSeconds: word == Word.ex, now) else {
                    replies.error("ERR invalid expire time in 'set' command")
                    return nil
                }
                options.expiry = instant
            default:
                replies.error("ERR syntax error")
                return nil
            }
            index += 1
        }
        return options
    }

    private enum Word {
        static let (nx, xx, ex, px) = (pack("nx"), pack("xx"), pack("ex"), pack("px"))
        static let keepTTL = pack("keepttl")

        private static func pack(_ text: StaticString) -> UInt64 {
            CommandName.pack(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }

    /// So long from now; 1 for what is over; nil for what is out of range.
    private static func instant(_ amount: Int64, inSeconds: Bool, _ now: UInt64) -> UInt64? {
        let (milliseconds, overflows) = amount.multipliedReportingOverflow(by: inSeconds ? 1000 : 1)
        guard !overflows, let sum = Optional(Int64(now).addingReportingOverflow(milliseconds)), !sum.overflow else {
            return nil
        }
        return UInt64(max(1, sum.partialValue))
    }

    // MARK: With the stripe

    /// Does it, with the stripe's lock, and says what the client is told.
    @inline(__always)
    func run(
        _ memory: StripeMemory, _ key: UnsafeRawBufferPointer, _ hash: KeyHash, now: UInt64, _ replies: inout Replies
    ) {
        let found = memory.find(key, hash, now: now)
        switch self {
        case .get:
            guard let entry = found?.entry else { return replies.null() }
            if entry.isNumber { replies.bulk(entry.number) } else { replies.bulk(entry.value) }
        case .set(let options, let value):
            set(memory, key, hash, found, options, value, now, &replies)
        case .add(let amount):
            add(amount, memory, key, hash, found, now, &replies)
        case .remove:
            if let found { memory.remove(found) }
            replies.number(found == nil ? 0 : 1)
        case .exists:
            replies.number(found == nil ? 0 : 1)
        case .timeLeft(let inMilliseconds):
            replies.number(Self.timeLeft(found?.entry, now, inMilliseconds))
        case .expire(let instant):
            if let entry = found?.entry { memory.setExpiry(entry, instant) }
            replies.number(found == nil ? 0 : 1)
        case .persist:
            let expires = found.map { $0.entry.expiry != 0 } ?? false
            if expires, let entry = found?.entry { memory.setExpiry(entry, 0) }
            replies.number(expires ? 1 : 0)
        }
    }

    /// Redis rounds seconds to the nearest.
    private static func timeLeft(_ entry: Entry?, _ now: UInt64, _ inMilliseconds: Bool) -> Int64 {
        guard let entry else { return -2 }
        guard entry.expiry != 0 else { return -1 }
        let left = Int64(entry.expiry - now)
        return inMilliseconds ? left : (left + 500) / 1000
    }

    private func set(
        _ memory: StripeMemory, _ key: UnsafeRawBufferPointer, _ hash: KeyHash, _ found: StripeMemory.Found?,
        _ options: SetOptions, _ value: UnsafeRawBufferPointer, _ now: UInt64, _ replies: inout Replies
    ) {
        switch options.condition {
        case .absent where found != nil, .present where found == nil: return replies.null()
        default: break
        }
        let expiry = options.keepsTime ? found?.entry.expiry ?? 0 : options.expiry
        if put(memory, key, hash, .bytes(value), expiry, found, now) { replies.ok() } else { noRoom(&replies) }
    }

    private func add(
        _ amount: Int64, _ memory: StripeMemory, _ key: UnsafeRawBufferPointer, _ hash: KeyHash,
        _ found: StripeMemory.Found?, _ now: UInt64, _ replies: inout Replies
    ) {
        var before: Int64 = 0
        if let entry = found?.entry {
            guard let number = entry.isNumber ? entry.number : Int64(decimal: entry.value) else {
                return replies.error("ERR value is not an integer or out of range")
            }
            before = number
        }
        let (sum, overflows) = before.addingReportingOverflow(amount)
        guard !overflows else { return replies.error("ERR increment or decrement would overflow") }
        if let entry = found?.entry, entry.isNumber {
            memory.setNumber(entry, sum)
        } else {
            guard put(memory, key, hash, .number(sum), found?.entry.expiry ?? 0, found, now) else {
                return noRoom(&replies)
            }
        }
        replies.number(sum)
    }

    /// Without room, what has expired goes first.
    private func put(
        _ memory: StripeMemory, _ key: UnsafeRawBufferPointer, _ hash: KeyHash, _ value: NewValue, _ expiry: UInt64,
        _ found: StripeMemory.Found?, _ now: UInt64
    ) -> Bool {
        if memory.put(key, hash, value, expiry: expiry, over: found) { return true }
        guard memory.header(StripeHeader.expiring) > 0 else { return false }
        memory.sweep(memory.shape.bucketCount, now: now)
        return memory.put(key, hash, value, expiry: expiry, over: memory.find(key, hash, now: now))
    }

    private func noRoom(_ replies: inout Replies) {
        replies.error("OOM command not allowed when used memory > 'maxmemory'.")
    }
}

extension Int64 {
    /// The number that a string is, written as numbers are written: no spaces, no plus, no zeros in front.
    init?(decimal text: UnsafeRawBufferPointer) {
        guard !text.isEmpty, text.count <= 20 else { return nil }
        let isNegative = text[0] == UInt8(ascii: "-")
        let digits = isNegative ? text.dropFirst() : text[...]
        guard let first = digits.first, first != 48 || (digits.count == 1 && !isNegative) else { return nil }
        var value: Int64 = 0
        for byte in digits {
            let digit = Int64(byte) - 48
            guard (0..<10).contains(digit) else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) =
                isNegative
                ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            guard !overflows, !overflowsToo else { return nil }
            value = sum
        }
        self = value
    }
}
