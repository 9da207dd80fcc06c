import Glibc

/// Lines of the form `name = value`.
struct Settings {
    var greeting = "hello"

    init() {}

    init(path: String) throws {
        for line in try Self.text(path).split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.drop { $0 == " " } }
            guard parts.count == 2, parts[0].hasPrefix("greeting") else { throw Mistake(line: String(line)) }
            greeting = String(parts[1])
        }
    }

    struct Mistake: Error, CustomStringConvertible {
        let line: String
        var description: String { "this line is no setting: \(line)" }
    }

    struct Unreadable: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) cannot be read" }
    }

    private static func text(_ path: String) throws -> String {
        guard let file = fopen(path, "re") else { throw Unreadable(path: path) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
