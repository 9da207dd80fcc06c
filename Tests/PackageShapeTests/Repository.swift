import Foundation

/// The files of the repository that these tests look at.
enum Repository {
    /// The folder of `Package.swift`.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A Swift file of a target.
    struct SourceFile: Sendable {
        /// The folder below `Sources` or `Tests`.
        let target: String
        /// The path from the root.
        let path: String
        let text: String
        let lines: [Substring]
        /// The modules that the file imports.
        let imports: [String]

        init(target: String, path: String, text: String) {
            self.target = target
            self.path = path
            self.text = text
            lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            imports = lines.compactMap(Self.importedModule)
        }

        private static func importedModule(_ line: Substring) -> String? {
            // Most lines are none, and regular expressions are slow.
            guard let first = line.utf8.first, first != UInt8(ascii: " "), line.contains("import ") else { return nil }
            let pattern = /(?:@\w+(?:\([^)]*\))? +)*(?:\w+ +)?import +(?:\w+ +)?([A-Z]\w*)/
            return line.prefixMatch(of: pattern).map { String($0.1) }
        }
    }

    /// Every Swift file below `Sources`.
    static let sources = Result { try swiftFiles(in: "Sources") }
    /// Every Swift file below `Tests`, without nested packages.
    static let tests = Result { try swiftFiles(in: "Tests") }

    private static func swiftFiles(in folder: String) throws -> [SourceFile] {
        try paths(below: folder).filter { $0.hasSuffix(".swift") && !$0.contains("/Comparisons/") }.map { path in
            SourceFile(target: String(path.split(separator: "/")[1]), path: path, text: try text(of: path))
        }
    }

    /// The folders right below `folder`.
    static func folders(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            at: root.appending(path: folder), includingPropertiesForKeys: [.isDirectoryKey]
        ).filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }.map(\.lastPathComponent)
            .sorted()
    }

    /// The paths, from the root, of all files below `folder` that are not hidden.
    static func paths(below folder: String) throws -> [String] {
        guard
            let found = FileManager.default.enumerator(
                at: root.appending(path: folder), includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        else { throw CocoaError(.fileReadNoSuchFile) }
        let prefix = root.path(percentEncoded: false)
        return found.compactMap { $0 as? URL }.filter { !$0.hasDirectoryPath }
            .map { String($0.path(percentEncoded: false).dropFirst(prefix.count)) }.sorted()
    }

    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
