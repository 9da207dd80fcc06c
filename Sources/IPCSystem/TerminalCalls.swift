import CIPC

/// What a terminal tells of itself.
package enum TerminalCalls {
    /// ioctl(2) TIOCGWINSZ: the columns of the terminal that a descriptor is, 80 where it does not say; nil where it is no
    /// terminal.
    package static func width(of number: Int32) -> Int? {
        guard let columns = try? retrying(.ioctl, { cipc_terminal_width(number) }) else { return nil }
        return columns > 0 ? Int(columns) : 80
    }
}
