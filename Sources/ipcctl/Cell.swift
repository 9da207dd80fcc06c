/// Text of others as a part of a table.
enum Cell {
    /// A name as one cell: nothing in it ends a column or a line, or speaks to the terminal. `-` for none.
    static func printable(_ name: String) -> String {
        guard !name.isEmpty else { return "-" }
        return name == "-"
            ? "\\x2d"
            : name.unicodeScalars.map { scalar in
                let isPlain = scalar.properties.generalCategory.isVisible && scalar != "\\"
                return isPlain ? String(scalar) : "\\x\(String(scalar.value, radix: 16))"
            }.joined()
    }
}

extension Unicode.GeneralCategory {
    /// Whether it is a letter, a digit, a mark or a sign: neither space nor control.
    fileprivate var isVisible: Bool {
        switch self {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            false
        default: true
        }
    }
}
