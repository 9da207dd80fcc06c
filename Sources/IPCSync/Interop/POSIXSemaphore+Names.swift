public import IPCCore
import IPCSystem

extension POSIXSemaphore {
    /// A named semaphore that was found on this machine.
    public struct Listing: Sendable, Hashable {
        /// Its name, without a slash.
        public var name: String
        /// The permits that it had; nil when this process may not look, or when it is none of glibc's.
        public var value: Int?
        /// The user whom it belongs to.
        public var owner: UInt32
        /// Who may open it.
        public var permissions: AccessPermissions
    }

    private static let folder = "/dev/shm"
    private static let prefix = "sem."

    /// Removes the name. Those who have it open keep it. sem_unlink(3).
    ///
    /// - Throws: `.notFound`, `.permissionDenied`, `.invalidName`.
    public static func remove(named name: String) throws(IPCError) {
        let path = try path(of: name)
        _ = try CheckedFile.find(path, .regular, .anyone, "remove a semaphore")
        try mapping("remove a semaphore", object: name) { () throws(SystemCallError) in try FileCalls.unlink(path) }
    }

    /// The named semaphores of this machine, whoever made them, by name.
    ///
    /// - Throws: `.notFound` when /dev/shm is not mounted.
    public static func list() throws(IPCError) -> [Listing] {
        let names = try mapping("list semaphores", object: folder) { () throws(SystemCallError) in
            try DirectoryCalls.names(in: folder).names
        }
        return names.filter { $0.hasPrefix(prefix) }.sorted().compactMap { file in
            let path = "\(folder)/\(file)"
            guard let status = try? FileCalls.status(at: path), status.kind == .regular else { return nil }
            return Listing(
                name: String(file.dropFirst(prefix.count)), value: value(at: path, status), owner: status.owner,
                permissions: AccessPermissions(rawValue: status.permissions))
        }
    }

    private static func value(at path: String, _ status: FileCalls.Status) -> Int? {
        guard status.size >= UInt64(byteCount), let file = try? FileCalls.open(path, [.readOnly, .noFollow]),
            let bytes = try? FileCalls.read(file.number, at: 0, size: byteCount), bytes.count == byteCount,
            bytes[Layout.kind] == UInt8(Layout.sharedKind)
        else { return nil }
        return Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16 | Int(bytes[3]) << 24
    }

    static func path(of name: String) throws(IPCError) -> String {
        let bare = name.hasPrefix("/") ? String(name.dropFirst()) : name
        let count = bare.utf8.count
        guard count > 0, count <= 250, !bare.utf8.contains(0x2F), !bare.utf8.contains(0) else {
            throw IPCError(
                .invalidName, "name a semaphore: 1 to 250 bytes without a slash and a zero byte are needed",
                object: name)
        }
        return "\(folder)/\(prefix)\(bare)"
    }
}
