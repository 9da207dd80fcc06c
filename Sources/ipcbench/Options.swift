/// What the command line asks for.
struct Options {
    var filter = Glob("*")
    var rounds = 5
    /// Seconds of one measurement; nil for each row's own.
    var seconds: Double?
    var isJSON = false
    var isList = false
    var isHelp = false

    /// Reads the arguments, without the program's name.
    init(_ arguments: [String]) throws(BenchmarkFailure) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--filter":
                filter = Glob(try Self.value(of: argument, in: &rest))
            case "--rounds":
                guard let number = Int(try Self.value(of: argument, in: &rest)), number > 0 else {
                    throw BenchmarkFailure("--rounds takes a number from 1 on")
                }
                rounds = number
            case "--seconds":
                guard let number = Double(try Self.value(of: argument, in: &rest)), number > 0, number <= 3_600 else {
                    throw BenchmarkFailure("--seconds takes a number above 0 and up to 3600")
                }
                seconds = number
            case "--json": isJSON = true
            case "--list": isList = true
            case "--help", "-h": isHelp = true
            default: throw BenchmarkFailure("unknown argument \(argument); see ipcbench --help")
            }
        }
    }

    private static func value(
        of option: String, in rest: inout ArraySlice<String>
    ) throws(BenchmarkFailure) -> String {
        guard let value = rest.popFirst() else { throw BenchmarkFailure("\(option) needs a value") }
        return value
    }

    static let help = """
        ipcbench: the library against the same work in plain C, two processes, in turn

        USAGE: swift run -c release ipcbench [options]

          --filter GLOB   only the rows whose name fits, * also across /  (default: all)
          --rounds N      rounds of ours, C, ours, C ...; figures are medians  (default: 5)
          --seconds S     how long each measurement takes  (default: 0.25; idle processor time: 10)
          --json          one JSON object for each row, on a line of its own
          --list          the names of the rows, then end
          --help          this text

        Ratios are ours ÷ the baseline's, the median of the ratios of the rounds: lower is better for times, higher
        for throughput. "same" puts all processes on one processor, "cross" the two sides on two, "free" leaves it to
        the kernel. Times are of one operation at the side that starts it: a round trip, a spawn, a connection. One-way
        rows have none. Rates are round trips, messages or operations in a second; GiB/s counts the payload once.

        The "figure" of rows that are not about time: heap allocations for each message, resident bytes for each
        channel, nanoseconds of processor time. In JSON it is ratio_p50, divided by the reference that "baseline" names.

        Exit status: 0, 1 if a row failed to deliver its bytes or to run, 2 for wrong arguments. A missed target is
        shown and does not change it.
        """
}
