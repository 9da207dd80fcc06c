import CIPC

/// System calls on mapped memory and on the files behind it.
package enum MemoryCalls {
    /// Seals of a file in memory. memfd_create(2), fcntl(2) F_ADD_SEALS.
    package struct Seals: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        /// No more seals.
        package static let seals = Seals(rawValue: cipc_seal_seal)
        /// The file never gets shorter, so that no access to a mapping of it raises SIGBUS.
        package static let shrinking = Seals(rawValue: cipc_seal_shrink)
        package static let growing = Seals(rawValue: cipc_seal_grow)
        package static let writing = Seals(rawValue: cipc_seal_write)
        /// No new mapping may write; those that are there go on.
        package static let futureWriting = Seals(rawValue: cipc_seal_future_write)
        /// What makes the size of a file final.
        package static let size: Seals = [.shrinking, .growing, .seals]
    }

    /// The size of a page in bytes.
    package static let pageSize = cipc_page_size()

    /// memfd_create(2): an empty file, close-on-exec.
    package static func makeFile(
        _ name: String, isSealable: Bool = true, hugePages: Bool = false
    ) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: Int32(
                try retrying(.memfd_create) {
                    unsafe cipc_memory_file(name, isSealable ? 1 : 0, hugePages ? 1 : 0)
                }))
    }

    package static func seal(_ number: Int32, _ seals: Seals) throws(SystemCallError) {
        _ = try retrying(.fcntl) { cipc_add_seals(number, seals.rawValue) }
    }

    /// The seals of a file; EINVAL when it cannot have any.
    package static func seals(of number: Int32) throws(SystemCallError) -> Seals {
        Seals(rawValue: Int32(try retrying(.fcntl) { cipc_get_seals(number) }))
    }

    /// posix_fallocate(3): the file has at least `size` bytes, and the room for them. ENOSPC where there is none, which would
    /// otherwise be a SIGBUS at the first touch.
    package static func allocate(_ number: Int32, size: Int) throws(SystemCallError) {
        _ = try retrying(.fallocate) { cipc_allocate(number, 0, UInt64(size)) }
    }

    /// The same for `size` bytes from `offset` on.
    package static func allocate(_ number: Int32, offset: Int, size: Int) throws(SystemCallError) {
        _ = try retrying(.fallocate) { cipc_allocate(number, UInt64(offset), UInt64(size)) }
    }

    /// ftok(3): the System V key of a path and a project number.
    package static func key(of path: String, project: UInt8) throws(SystemCallError) -> Int32 {
        var key: Int32 = 0
        _ = try retrying(.ftok) { unsafe cipc_key_of_path(path, Int32(project), &key) }
        return key
    }
}

/// System V shared memory. shmget(2), shmat(2), shmctl(2).
package enum SegmentCalls {
    package struct Status: Sendable {
        package let key: Int32
        package let segment: Int32
        package let byteCount: Int
        package let owner: UInt32
        /// Who made it, and has the rights of the owner for ever.
        package let creator: UInt32
        package let permissions: UInt32
        package let creatorProcess: Int32
        package let lastProcess: Int32
        package let attachments: Int
        package let isMarkedForRemoval: Bool

        init(_ found: cipc_segment_status) {
            (key, segment, byteCount) = (found.key, found.segment, Int(clamping: found.byte_count))
            (owner, creator, permissions) = (found.owner, found.creator, found.mode)
            (creatorProcess, lastProcess) = (found.creator_process, found.last_process)
            (attachments, isMarkedForRemoval) = (Int(clamping: found.attachments), found.is_marked_for_removal != 0)
        }
    }

    package static func get(
        key: Int32, byteCount: Int, create: Bool, exclusive: Bool, permissions: UInt32
    ) throws(SystemCallError) -> Int32 {
        Int32(
            try retrying(.shmget) {
                cipc_segment_get(key, byteCount, create ? 1 : 0, exclusive ? 1 : 0, permissions)
            })
    }

    package static func status(of segment: Int32) throws(SystemCallError) -> Status {
        var found = cipc_segment_status()
        _ = try retrying(.shmctl) { unsafe cipc_segment_stat(segment, &found) }
        return Status(found)
    }

    package static func remove(_ segment: Int32) throws(SystemCallError) {
        _ = try retrying(.shmctl) { cipc_segment_remove(segment) }
    }

    /// Removes a segment to which no more than `attachments` are attached, and which nobody has marked for removal.
    ///
    /// - Returns: whether it was removed.
    @discardableResult
    package static func removeIfUnused(_ segment: Int32, attachments: Int) -> Bool {
        guard let status = try? status(of: segment), status.attachments <= attachments, !status.isMarkedForRemoval
        else { return false }
        return (try? remove(segment)) != nil
    }

    /// All segments of this machine's IPC namespace.
    package static func all() throws(SystemCallError) -> [Status] {
        let highest = try retrying(.shmctl) { cipc_segment_highest_index() }
        var found: [Status] = []
        for index in 0...max(0, highest) {
            var status = cipc_segment_status()
            if unsafe cipc_segment_stat_index(Int32(index), &status) >= 0 { found.append(Status(status)) }
        }
        return found
    }
}
