/// What the command line asks for.
enum Request {
    case help
    case version
    case tour(TourOptions)
    /// The regions whose names begin so.
    case list(String)
    case clean(CleanOptions)
    case locks(LockOptions)
    case queue(QueueRequest)
    case top(TopOptions)
    /// The second process of a stop of the tour.
    case peer(String, [String])

    /// Reads the arguments, without the program's name.
    init(_ arguments: [String]) throws(UsageError) {
        // What follows -- is meant as it is: the text of a message, for example.
        let options = arguments.prefix { $0 != "--" }
        if options.contains(where: { $0 == "--help" || $0 == "-h" }) || arguments == ["help"] {
            self = .help
            return
        }
        guard let command = arguments.first else { throw UsageError("a command is missing") }
        let rest = Array(arguments.dropFirst())
        switch command {
        case "--version":
            guard rest.isEmpty else { throw UsageError("--version takes no arguments") }
            self = .version
        case "tour": self = .tour(try TourOptions(rest))
        case "list":
            let options = try CleanOptions(rest, of: command)
            guard !options.isDryRun else { throw UsageError("list does not know --dry-run: it changes nothing") }
            self = .list(options.prefix)
        case "clean": self = .clean(try CleanOptions(rest, of: command))
        case "locks": self = .locks(try LockOptions(rest))
        case "queue": self = .queue(try QueueRequest(rest))
        case "top": self = .top(try TopOptions(rest))
        case Tour.peerCommand:
            guard let name = rest.first else { throw UsageError("\(command) is for the tour itself") }
            self = .peer(name, Array(rest.dropFirst()))
        default: throw UsageError("there is no command \(command)")
        }
    }
}

/// What `ipcctl tour` was asked.
struct TourOptions {
    /// Only the stops whose names contain this.
    var only: String?
    /// Names the stops and ends.
    var isList = false

    init(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--list": isList = true
            case "--only":
                guard let text = rest.popFirst() else { throw UsageError("--only needs a part of a mechanism's name") }
                only = text
            default: throw UsageError("tour does not know \(argument)")
            }
        }
        if let only, !Tour.stops.contains(where: { $0.mechanism.contains(only) }) {
            throw UsageError("no mechanism's name contains \(only); ipcctl tour --list names them")
        }
    }
}

/// What `ipcctl list` or `ipcctl clean` was asked.
struct CleanOptions {
    /// Only what has a name that begins so.
    var prefix = ""
    /// Says what would be removed, and removes nothing.
    var isDryRun = false

    init(_ arguments: [String], of command: String) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--dry-run": isDryRun = true
            case "--prefix":
                guard let text = rest.popFirst() else { throw UsageError("--prefix needs the beginning of a name") }
                prefix = text
            default: throw UsageError("\(command) does not know \(argument)")
            }
        }
    }
}

/// What `ipcctl locks` was asked.
struct LockOptions {
    /// The region's name, or its path.
    let name: String
    /// Whether an object in trouble is told by the exit status.
    let isCheck: Bool

    init(_ arguments: [String]) throws(UsageError) {
        let names = arguments.filter { !$0.hasPrefix("-") }
        for argument in arguments where argument.hasPrefix("-") && argument != "--check" {
            throw UsageError("locks does not know \(argument)")
        }
        guard let name = names.first, names.count == 1 else { throw UsageError("locks needs the name of one region") }
        self.name = name
        isCheck = names.count < arguments.count
    }
}

/// Arguments that cannot be right.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
