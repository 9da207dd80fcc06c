import IPCCore
import IPCSystem

extension POSIXMessageQueue {
    /// The queues that were found on this machine.
    public struct Listing: Sendable, Hashable {
        /// A queue.
        public struct Entry: Sendable, Hashable {
            /// Its name with the slash.
            public var name: String
            /// The user whom it belongs to.
            public var owner: UInt32
            /// Who may open it.
            public var permissions: AccessPermissions
            /// How many messages wait; nil when this user may not look.
            public var depth: Int?
            /// How many messages it holds; nil when this user may not look.
            public var capacity: Int?
            /// The largest message in bytes; nil when this user may not look.
            public var maximumMessageSize: Int?
        }

        /// By name.
        public var queues: [Entry]
        /// What may be missing, in a sentence, with what to do about it; nil when these are all.
        public var whatIsMissing: String?
    }

    /// The queues of this IPC namespace, whoever made them.
    ///
    /// Their names are the files of a file system, usually at /dev/mqueue. Where that is not mounted (in most containers),
    /// only those can be found that a process has open whose descriptors this user may see, and ``Listing/whatIsMissing``
    /// says so: a queue that nobody has open, or somebody else's process, stays hidden, though its name can be opened.
    ///
    /// - Throws: what the system says where /proc cannot be read.
    public static func list() throws(IPCError) -> Listing {
        if let folder = POSIXQueueFiles.mountPoint {
            let names = try mapping("list POSIX queues", object: folder) { () throws(SystemCallError) in
                try DirectoryCalls.names(in: folder).names
            }
            return Listing(queues: names.sorted().compactMap { POSIXQueueFiles.entry($0, at: "\(folder)/\($0)") })
        }
        let found = try mapping("list POSIX queues", object: "/proc") { () throws(SystemCallError) in
            try POSIXQueueFiles.openQueues()
        }
        return Listing(
            queues: found.sorted { $0.name < $1.name },
            whatIsMissing: "no mqueue file system is mounted, so queues that no process has open, or only processes of "
                + "other users, are not listed; have the administrator mount it: mount -t mqueue none /dev/mqueue")
    }
}

/// Where queues show as files. mq_overview(7), proc(5).
enum POSIXQueueFiles {
    /// Where the file system of queues is mounted; nil where it is not.
    static var mountPoint: String? {
        guard let bytes = try? TestingCalls.contents(of: "/proc/self/mountinfo") else { return nil }
        for line in bytes.split(separator: 0x0A) {
            let fields = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            // The type follows a field of a single dash; the mount point is the fifth field.
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, fields[dash + 1] == "mqueue",
                fields.count > 4, (try? FileCalls.status(at: fields[4]))?.kind == .directory
            else { continue }
            return fields[4]
        }
        return nil
    }

    /// The queue whose file is at `path`; nil when it is gone.
    static func entry(_ bare: String, at path: String) -> POSIXMessageQueue.Listing.Entry? {
        guard let status = try? FileCalls.status(at: path), status.kind == .regular else { return nil }
        return entry(bare, status, attributes(bare, inode: status.inode))
    }

    /// The queues that processes have open, as far as this user may see.
    static func openQueues() throws(SystemCallError) -> [POSIXMessageQueue.Listing.Entry] {
        var found: [String: POSIXMessageQueue.Listing.Entry] = [:]
        for process in try DirectoryCalls.names(in: "/proc").names where process.utf8.allSatisfy({ $0 & 0xF0 == 0x30 })
        {
            let folder = "/proc/\(process)/fd"
            // Gone by now, or another user's.
            guard let numbers = try? DirectoryCalls.names(in: folder).names else { continue }
            for number in numbers {
                let link = "\(folder)/\(number)"
                guard let name = try? FileCalls.destination(of: link), name.hasPrefix("/"),
                    name.utf8.count > 1, !name.utf8.dropFirst().contains(0x2F), found[name] == nil,
                    let status = status(behind: link), status.kind == .regular,
                    let entry = queue(name, status)
                else { continue }
                found[name] = entry
            }
        }
        return Array(found.values)
    }

    /// The queue of this name, if the open file is it: a file in the root folder looks the same.
    private static func queue(_ name: String, _ status: FileCalls.Status) -> POSIXMessageQueue.Listing.Entry? {
        let bare = String(name.dropFirst())
        do throws(SystemCallError) {
            let descriptor = try POSIXQueueCalls.open(bare, [.readOnly, .nonblocking])
            let own = try FileCalls.status(of: descriptor.number)
            guard own.inode == status.inode, own.device == status.device else { return nil }
            return entry(bare, status, try? POSIXQueueCalls.attributes(of: descriptor.number))
        } catch {
            // There is one that this user may not read; what is open may be that, unless it is a file.
            guard error.errno == Errno.accessDenied else { return nil }
            let file = try? FileCalls.status(at: name)
            return file?.inode == status.inode && file?.device == status.device ? nil : entry(bare, status, nil)
        }
    }

    private static func status(behind link: String) -> FileCalls.Status? {
        guard let file = try? FileCalls.open(link, .pathOnly) else { return nil }
        return try? FileCalls.status(of: file.number)
    }

    private static func attributes(_ bare: String, inode: UInt64) -> POSIXQueueCalls.Attributes? {
        guard let descriptor = try? POSIXQueueCalls.open(bare, [.readOnly, .nonblocking]),
            (try? FileCalls.status(of: descriptor.number))?.inode == inode
        else { return nil }
        return try? POSIXQueueCalls.attributes(of: descriptor.number)
    }

    private static func entry(
        _ bare: String, _ status: FileCalls.Status, _ attributes: POSIXQueueCalls.Attributes?
    ) -> POSIXMessageQueue.Listing.Entry {
        POSIXMessageQueue.Listing.Entry(
            name: "/" + bare, owner: status.owner, permissions: AccessPermissions(rawValue: status.permissions),
            depth: attributes?.depth, capacity: attributes?.capacity, maximumMessageSize: attributes?.messageSize)
    }
}
