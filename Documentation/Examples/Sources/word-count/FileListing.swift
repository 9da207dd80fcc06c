import Glibc

/// The regular files below a folder, sorted by the bytes of their paths, and the folders that could not be read.
struct FileListing {
    private(set) var files: [[UInt8]] = []
    private(set) var unreadable: [(path: [UInt8], reason: String)] = []

    init(below folder: String) throws(UsageError) {
        var root = Array(folder.utf8)
        while root.count > 1 && root.last == UInt8(ascii: "/") { root.removeLast() }
        // The folder itself may be a link; what is below it is not followed.
        guard Self.kind(of: root, followingLinks: true) == S_IFDIR else {
            throw UsageError("\(folder) is not a folder")
        }
        var pending = [root]
        while let next = pending.popLast() { list(next, &pending) }
        files.sort { $0.lexicographicallyPrecedes($1) }
    }

    private mutating func list(_ folder: [UInt8], _ pending: inout [[UInt8]]) {
        guard let stream = Self.withPath(folder, { opendir($0) }) else {
            unreadable.append((folder, String(cString: strerror(errno))))
            return
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [46] || name == [46, 46] { continue }
            let path = (folder == [UInt8(ascii: "/")] ? [] : folder) + [UInt8(ascii: "/")] + name
            switch Self.kind(of: path, followingLinks: false) {
            case S_IFREG: files.append(path)
            case S_IFDIR: pending.append(path)
            default: break
            }
        }
    }

    private static func kind(of path: [UInt8], followingLinks: Bool) -> mode_t? {
        var status = stat()
        let result = withPath(path) { followingLinks ? stat($0, &status) : lstat($0, &status) }
        return result == 0 ? status.st_mode & S_IFMT : nil
    }

    private static func withPath<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (path + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
        }
    }
}
