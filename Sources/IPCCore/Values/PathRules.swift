/// The one place that says which paths can name an object in the file system.
package enum PathRules {
    /// PATH_MAX with its final zero.
    private static let limit = 4096

    /// Refuses what cannot be a path at all: empty, with a zero byte (the C library would cut it there), or too long.
    package static func check(_ path: String, _ doing: String) throws(IPCError) {
        let count = path.utf8.count
        guard count > 0 else { throw IPCError(.invalidName, "\(doing): the path is empty") }
        guard !path.utf8.contains(0) else {
            throw IPCError(.invalidName, "\(doing): the path contains a zero byte", object: path)
        }
        guard count < limit else {
            throw IPCError(
                .invalidName,
                "\(doing): the path has \(count) bytes and the limit is \(limit - 1); choose a shorter one")
        }
    }
}
