/// What the command line asks for.
enum Request {
    case help
    case version
    case tour(TourOptions)
    /// The second process of a stop of the tour.
    case peer(String, [String])

    /// Reads the arguments, without the program's name.
    init(_ arguments: [String]) throws(UsageError) {
        if arguments.contains(where: { $0 == "--help" || $0 == "-h" }) || arguments == ["help"] {
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

/// Arguments that cannot be right.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
