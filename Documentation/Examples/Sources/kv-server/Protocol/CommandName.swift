/// The commands that are spoken.
enum CommandName: CaseIterable {
    case ping, echo, set, get, del, incr, decr, incrBy, decrBy, exists, ttl, pttl, expire, pexpire, persist
    case dbSize, flushDB, flushAll, info, command, config, client, select, quit

    /// Its name on the wire, in small letters.
    var text: String { "\(self)".lowercased() }

    /// Words of the command with its name, as COMMAND says it: negative for at least so many.
    var arity: Int {
        switch self {
        case .dbSize: 1
        case .get, .incr, .decr, .ttl, .pttl, .persist, .echo, .select: 2
        case .incrBy, .decrBy: 3
        case .set, .expire, .pexpire: -3
        case .del, .exists, .config, .client: -2
        case .ping, .flushDB, .flushAll, .info, .command, .quit: -1
        }
    }

    /// Whether the words after the name are keys: the first, the last (negative: from the end), the step.
    var keys: (first: Int, last: Int, step: Int) {
        switch self {
        case .set, .get, .incr, .decr, .incrBy, .decrBy, .ttl, .pttl, .expire, .pexpire, .persist: (1, 1, 1)
        case .del, .exists: (1, -1, 1)
        default: (0, 0, 0)
        }
    }

    var writes: Bool {
        switch self {
        case .set, .del, .incr, .decr, .incrBy, .decrBy, .expire, .pexpire, .persist, .flushDB, .flushAll: true
        default: false
        }
    }

    /// Whether `count` words are neither too few nor too many.
    func takes(_ count: Int) -> Bool { arity < 0 ? count >= -arity : count == arity }

    // MARK: Finding

    /// A name of up to eight letters in one word, whatever their case; 0 for what can be no name.
    @inline(__always)
    static func pack(_ name: UnsafeRawBufferPointer) -> UInt64 {
        guard name.count <= 8 else { return 0 }
        var word: UInt64 = 0
        for byte in name { word = word << 8 | UInt64(byte | 0x20) }
        return word
    }

    /// The names by their words.
    static let byName: [UInt64: CommandName] = {
        var names: [UInt64: CommandName] = [:]
        for command in allCases {
            var text = command.text
            names[text.withUTF8 { pack(UnsafeRawBufferPointer($0)) }] = command
        }
        return names
    }()
}
