import CIPC

/// System calls on directories.
package enum DirectoryCalls {
    private final class Names {
        var found: [String] = []
    }

    /// getdents64(2): the names in a directory, and the number of the descriptor that was open for it meanwhile.
    package static func names(in directory: String) throws(SystemCallError) -> (names: [String], own: Int32) {
        let descriptor = try FileCalls.open(directory, [.readOnly, .directory])
        let names = Names()
        _ = try retrying(.getdents64) {
            // SAFETY: the context is `names`, which outlives the call; each name ends with a zero byte.
            unsafe cipc_each_entry(
                descriptor.number,
                { name, context in
                    let names = unsafe Unmanaged<Names>.fromOpaque(context).takeUnretainedValue()
                    unsafe names.found.append(String(cString: name))
                }, Unmanaged.passUnretained(names).toOpaque())
        }
        return (names.found, descriptor.number)
    }
}
