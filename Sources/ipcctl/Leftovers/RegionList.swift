import IPCSharedMemory

/// `ipcctl list` and `ipcctl clean`: the regions of shared memory of this machine, and what dead processes have left.
enum RegionList {
    /// Prints the regions whose names begin with `prefix`.
    static func show(namesBeginningWith prefix: String) throws(IPCError) {
        let found = try SharedMemory.list().filter { $0.name.hasPrefix(prefix) }
        print(table(found, state: \.state))
    }

    /// Removes the leftovers whose names begin with `prefix`, or says which they are.
    static func clean(namesBeginningWith prefix: String, isDryRun: Bool) throws(IPCError) {
        let found =
            isDryRun
            ? try SharedMemory.list().filter { $0.isLeftover && $0.name.hasPrefix(prefix) }
            : try SharedMemory.sweep(namesBeginningWith: prefix)
        print(table(found) { _ in isDryRun ? "would go" : "removed" })
        let bytes = found.reduce(0) { $0 + $1.byteCount }
        let regions = found.count == 1 ? "1 region" : "\(found.count) regions"
        print("\(regions), \(bytes) bytes \(isDryRun ? "would be given back" : "given back")")
    }

    /// A heading, and one line for each region.
    private static func table(
        _ listings: [SharedMemoryListing], state: (SharedMemoryListing) -> String
    ) -> String {
        let lines = listings.map { listing in
            [
                listing.name, listing.layout.map { "\($0.name) version \($0.version)" } ?? "-",
                "\(listing.byteCount)", "\(listing.owner)", "\(listing.permissions)",
                listing.creatorProcess.map(String.init) ?? "-", state(listing),
            ]
        }
        return TextTable.lines([["name", "layout", "bytes", "owner", "mode", "maker", "state"]] + lines)
    }
}

extension SharedMemoryListing {
    /// In a word or two.
    fileprivate var state: String {
        switch isInUse {
        case true?: "in use"
        case nil: "not ours to see"
        case false?: isLeftover ? "leftover" : layout == nil ? "foreign" : "kept"
        }
    }
}
