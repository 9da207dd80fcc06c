import Foundation

/// What `Package.swift` says of its targets, read from its text: asking SwiftPM takes seconds and its lock.
struct Manifest {
    /// The modules of the `modules` table and what each imports.
    private(set) var modules: [String: [String]] = [:]
    /// The executables, and whatever else is declared on its own, with the targets each depends on.
    private(set) var others: [String: [String]] = [:]
    /// The names in `publicModules`.
    let publicModules: [String]
    /// The whole text.
    let text: String

    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    init() throws {
        text = try Repository.text(of: "Package.swift")
        let table = try Self.block(after: "let modules:", in: text)
        for match in table.matches(of: /\(\s*"(\w+)",\s*\[([^\]]*)\]\s*\)/) {
            modules[String(match.1)] = Self.names(in: match.2)
        }
        for match in try Self.block(after: "let executables:", in: text).matches(of: /\(\s*"([\w-]+)",\s*\[([^\]]*)\]/)
        {
            others[String(match.1)] = Self.names(in: match.2)
        }
        publicModules = Self.names(in: try Self.block(after: "let publicModules", in: text))
        for match in text.matches(of: /\.target\(name: "([\w-]+)"/) { others[String(match.1)] = [] }
        guard !modules.isEmpty, !publicModules.isEmpty, others["CIPC"] != nil else {
            throw Unreadable(description: "Package.swift has another form than this test knows")
        }
    }

    /// What a target may import, directly or through what it imports.
    func reachable(from target: String) -> Set<String> {
        var found: Set<String> = []
        var pending = modules[target] ?? others[target] ?? []
        while let next = pending.popLast() {
            if found.insert(next).inserted { pending += modules[next] ?? others[next] ?? [] }
        }
        return found
    }

    private static func names(in text: some StringProtocol) -> [String] {
        String(text).matches(of: /"([\w-]+)"/).map { String($0.1) }
    }

    /// From `start` to the bracket that closes the array.
    private static func block(after start: String, in text: String) throws -> Substring {
        guard let begin = text.range(of: start), let open = text[begin.upperBound...].range(of: "= [") else {
            throw Unreadable(description: "no `\(start)` in Package.swift")
        }
        var depth = 1
        var index = open.upperBound
        while index < text.endIndex, depth > 0 {
            if text[index] == "[" { depth += 1 }
            if text[index] == "]" { depth -= 1 }
            index = text.index(after: index)
        }
        return text[open.upperBound..<index]
    }
}
