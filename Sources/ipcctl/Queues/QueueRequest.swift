/// What `ipcctl queue` was asked.
struct QueueRequest {
    enum Action: String, CaseIterable {
        case send, receive, watch, list, remove
    }

    let action: Action
    /// The queue's name as it was given; empty for `list`.
    var name = ""
    /// The message of `send`; nil: standard input.
    var text: String?
    var priority = 0
    var type = 1
    /// Which types `receive` and `watch` take, as it was given.
    var selection: String?
    /// In nanoseconds; nil: for ever.
    var timeout: Duration?
    var count: Int?
    var isRaw = false
    var sendsLines = false
    var makesQueue = true
    var mailbox = MailboxRequest()

    init(_ arguments: [String]) throws(UsageError) {
        guard let word = arguments.first, let action = Action(rawValue: word) else {
            throw UsageError("queue needs one of \(Action.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.action = action
        var operands: [String] = []
        var rest = arguments.dropFirst()
        var takesOptions = true
        while let argument = rest.popFirst() {
            guard takesOptions, argument.hasPrefix("--") else {
                operands.append(argument)
                continue
            }
            if argument == "--" { takesOptions = false } else { try take(argument, &rest) }
        }
        try take(operands)
    }

    private mutating func take(_ option: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
        func value() throws(UsageError) -> String {
            guard let value = rest.popFirst() else { throw UsageError("\(option) needs a value") }
            return value
        }
        let allowed: Set<Action> =
            switch option {
            case "--priority", "--lines", "--no-create", "--broadcast", "--when-full": [.send]
            case "--from": [.receive, .watch]
            case "--type": [.send, .receive, .watch]
            case "--count", "--raw": [.receive, .watch]
            case "--timeout": [.send, .receive, .watch]
            default: []
            }
        guard allowed.contains(action) else { throw UsageError("queue \(action.rawValue) does not know \(option)") }
        switch option {
        case "--priority": priority = try Self.number(value(), option)
        case "--lines": sendsLines = true
        case "--no-create": makesQueue = false
        case "--type" where action == .send: type = try Self.number(value(), option)
        case "--type": selection = try value()
        case "--count":
            count = try Self.number(value(), option)
            guard count ?? 0 > 0 else { throw UsageError("--count needs a number above 0") }
        case "--raw": isRaw = true
        case _ where MailboxRequest.options.contains(option):
            try mailbox.take(option, MailboxRequest.takesValue(option) ? try value() : "")
        default:
            let text = try value()
            guard let seconds = Double(text), seconds >= 0, seconds < 1e9 else {
                throw UsageError("--timeout needs seconds, not \(text)")
            }
            timeout = .nanoseconds(Int64(seconds * 1e9))
        }
    }

    private mutating func take(_ operands: [String]) throws(UsageError) {
        let most = action == .list ? 0 : action == .send ? 2 : 1
        guard operands.count <= most else {
            throw UsageError("queue \(action.rawValue) does not know what \(operands[most]) is")
        }
        guard action != .list else { return }
        guard let name = operands.first else { throw UsageError("queue \(action.rawValue) needs the name of a queue") }
        self.name = name
        text = operands.dropFirst().first
        if sendsLines, text != nil { throw UsageError("--lines is for standard input, and there is a text") }
    }

    static func number(_ text: String, _ option: String) throws(UsageError) -> Int {
        guard let number = Int(text) else { throw UsageError("\(option) needs a number, not \(text)") }
        return number
    }
}
