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
        let lines: [Substring]
    }

    /// Every Swift file below `Sources` or `Tests`, without nested packages.
    static func swiftFiles(in folder: String) throws -> [SourceFile] {
        try paths(below: folder).filter { $0.hasSuffix(".swift") && !$0.contains("/Comparisons/") }.map { path in
            let text = try text(of: path)
            return SourceFile(
                target: String(path.split(separator: "/")[1]), path: path,
                lines: text.split(separator: "\n", omittingEmptySubsequences: false))
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
