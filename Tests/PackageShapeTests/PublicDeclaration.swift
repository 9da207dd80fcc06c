/// A declaration that users of a module see, found by its text: this package is formatted by a tool, which is what makes
/// that reliable.
struct PublicDeclaration {
    let place: String
    /// The name, with the argument labels of a function: `send(_:until:)`.
    let signature: String
    let hasComment: Bool
    /// Whether it is a requirement of a public protocol.
    let isRequirement: Bool

    /// Those of a file.
    static func all(in file: Repository.SourceFile) -> [PublicDeclaration] {
        var scanner = Scanner(file: file)
        return scanner.scan()
    }
}

private struct Scanner {
    /// A type or extension whose braces are open, and what its members are.
    private enum Scope {
        case requirements, cases, other
    }

    let file: Repository.SourceFile
    private var found: [PublicDeclaration] = []
    /// The indentation of the declarations that are open, with what stands in them.
    private var scopes: [(indentation: Int, scope: Scope)] = []

    init(file: Repository.SourceFile) { self.file = file }

    mutating func scan() -> [PublicDeclaration] {
        for (index, line) in file.lines.enumerated() {
            let indentation = line.prefix { $0 == " " }.count
            let text = line.dropFirst(indentation)
            if text.isEmpty || text.hasPrefix("//") { continue }
            while let last = scopes.last, last.indentation >= indentation { scopes.removeLast() }
            look(at: text, index, indentation)
        }
        return found
    }

    private mutating func look(at text: Substring, _ index: Int, _ indentation: Int) {
        let scope = scopes.last.flatMap { $0.indentation == indentation - 4 ? $0.scope : nil } ?? .other
        guard let (modifiers, kind, name) = Self.split(text) else { return }
        let isPublic = modifiers.contains("public") || modifiers.contains("open")
        let isRequirement =
            scope == .requirements && ["func", "var", "init", "subscript", "associatedtype"].contains(kind)
        let isCase = scope == .cases && kind == "case"
        if isPublic || isRequirement || isCase, kind != "extension" {
            let rest = joined(from: index, name)
            found.append(
                PublicDeclaration(
                    place: "\(file.path):\(index + 1)", signature: Self.signature(kind, rest),
                    hasComment: hasComment(above: index), isRequirement: isRequirement))
        }
        guard ["class", "struct", "enum", "protocol", "actor", "extension"].contains(kind) else { return }
        let inner: Scope =
            switch kind {
            case "protocol" where isPublic: .requirements
            case "enum" where isPublic: .cases
            default: .other
            }
        scopes.append((indentation, inner))
    }

    private static let kinds: Set<Substring> = [
        "class", "struct", "enum", "protocol", "actor", "func", "var", "let", "init", "subscript", "typealias",
        "associatedtype", "case", "extension",
    ]
    private static let modifiers: Set<Substring> = [
        "public", "open", "package", "internal", "fileprivate", "private", "static", "final", "indirect", "mutating",
        "nonmutating", "consuming", "borrowing", "override", "convenience", "required", "nonisolated", "lazy", "weak",
        "distributed", "class",
    ]

    /// The modifiers of a declaration, its kind, and what follows.
    private static func split(_ text: Substring) -> (modifiers: [Substring], kind: String, rest: Substring)? {
        var found: [Substring] = []
        var rest = text
        while true {
            let word = rest.prefix { $0.isLetter || $0 == "_" || $0 == "@" }
            var next = rest[word.endIndex...]
            if kinds.contains(word), !(word == "class" && next.hasPrefix(" func")) {
                return (found, String(word), next)
            }
            let bare = word
            if next.first == "(", let close = next.firstIndex(of: ")") { next = next[next.index(after: close)...] }
            guard bare.hasPrefix("@") || modifiers.contains(bare), next.first == " " else { return nil }
            found.append(bare)
            rest = next.drop { $0 == " " }
        }
    }

    /// The declaration to the end of its parameters, from as many lines as it has.
    private func joined(from index: Int, _ first: Substring) -> String {
        var text = String(first)
        for line in file.lines[(index + 1)...].prefix(20) {
            let isWhole = text.contains("(") && text.filter { $0 == "(" }.count == text.filter { $0 == ")" }.count
            if isWhole || !text.contains("(") { break }
            text += " " + line.drop { $0 == " " }
        }
        return text
    }

    private func hasComment(above index: Int) -> Bool {
        for line in file.lines[..<index].reversed() {
            let text = line.drop { $0 == " " }
            if text.hasPrefix("@") || text.hasPrefix(")") { continue }
            return text.hasPrefix("///")
        }
        return false
    }

    private static func signature(_ kind: String, _ rest: String) -> String {
        let text = rest.drop { $0 == " " }
        if kind == "init" || kind == "func" || kind == "subscript" {
            guard let open = parametersStart(text) else { return "\(kind) \(text)" }
            let name = kind == "func" ? String(text[..<open].prefix { $0 != "<" && $0 != " " && $0 != "(" }) : kind
            let whole = name.isEmpty ? String(text[..<open].prefix { $0 != " " && $0 != "(" }) : name
            var labels = labels(text[open...].dropFirst())
            // The names of an operator's operands are no labels.
            if whole.allSatisfy({ !$0.isLetter }) { labels = labels.map { _ in "_" } }
            return "\(whole)(\(labels.map { "\($0):" }.joined()))"
        }
        return String(text.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "`" })
    }

    /// The parenthesis that opens the parameters: the first one that is not within `<…>`.
    private static func parametersStart(_ text: Substring) -> Substring.Index? {
        var depth = 0
        let isOperator = text.first.map { !$0.isLetter && $0 != "_" && $0 != "(" && $0 != "<" } ?? false
        for index in text.indices {
            switch text[index] {
            case "<" where !isOperator && text.first != "<": depth += 1
            case ">" where !isOperator && text.first != "<": depth -= 1
            case "(" where depth == 0: return index
            default: break
            }
        }
        return nil
    }

    /// The labels of the parameters that begin here.
    private static func labels(_ text: Substring) -> [Substring] {
        var depth = 0
        var result: [Substring] = []
        var current = ""
        var isInName = true
        for character in text {
            if depth == 0 && character == ")" { break }
            if "([{".contains(character) { depth += 1 }
            if ")]}".contains(character) { depth -= 1 }
            if depth == 0 && character == "," {
                isInName = true
                current = ""
            } else if isInName && depth == 0 && character == ":" {
                if let label = current.split(separator: " ").first(where: { !$0.hasPrefix("@") }) {
                    result.append(label)
                }
                isInName = false
            } else if isInName {
                current.append(character)
            }
        }
        return result
    }
}
