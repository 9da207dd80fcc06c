public import IPCCore
import IPCSystem

/// A pipe without a name: what is written to one end is read from the other. pipe2(2).
public enum AnonymousPipe {
    /// Makes a pipe. Both ends are close-on-exec and non-blocking.
    ///
    /// - Throws: `.resourceExhausted` when no descriptor is free, `.permissionDenied` when `capacity` is above what this
    ///   user may have.
    public static func make(
        _ options: PipeOptions = PipeOptions()
    ) throws(IPCError) -> (reader: PipeReader, writer: PipeWriter) {
        let ends = try mapping("make a pipe") { () throws(SystemCallError) in try DescriptorCalls.makePipe() }
        let reading = OwnedDescriptor(owning: ends.reading)
        let writing = OwnedDescriptor(owning: ends.writing)
        if let capacity = options.capacity {
            try mapping("set the capacity of a pipe to \(capacity) bytes") { () throws(SystemCallError) in
                _ = try DescriptorCalls.setPipeCapacity(ends.writing, capacity)
            }
        }
        return (try PipeReader(reading, options), try PipeWriter(writing, options))
    }
}
