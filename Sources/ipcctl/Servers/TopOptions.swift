import IPCSystem

/// What `ipcctl top` was asked.
struct TopOptions {
    let name: String
    /// Between two looks.
    private(set) var interval = Duration.seconds(1)
    /// How many looks; 0: until the server ends.
    private(set) var count: Int
    /// Whether each look replaces the one before on the screen.
    let clearsScreen: Bool

    init(_ arguments: [String]) throws(UsageError) {
        clearsScreen = TerminalCalls.width(of: 1) != nil
        var names: [String] = []
        var wantedCount: Int?
        var hasInterval = false
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--interval":
                guard let seconds = rest.popFirst().flatMap(Double.init), seconds >= 0.01, seconds < 1_000_000 else {
                    throw UsageError("--interval needs a number of seconds, 0.01 or more")
                }
                interval = .seconds(seconds)
                hasInterval = true
            case "--count":
                guard let number = rest.popFirst().flatMap({ Int($0) }), number >= 0 else {
                    throw UsageError("--count needs a number")
                }
                wantedCount = number
            case _ where argument.hasPrefix("-") && argument != "-": throw UsageError("top does not know \(argument)")
            default: names.append(argument)
            }
        }
        guard let name = names.first, names.count == 1 else { throw UsageError("top needs the name of one server") }
        self.name = name
        count = wantedCount ?? (clearsScreen || hasInterval ? 0 : 1)
    }
}
