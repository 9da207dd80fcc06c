public import IPCCore
import IPCSystem

/// A pipe without a name: what is written to one end is read from the other. pipe2(2).
public enum AnonymousPipe {
    /// Makes a pipe. Both ends are close-on-exec and non-blocking.
    ///
    /// - Throws: `.resourceExhausted` when no descriptor is free, `.permissionDenied` when `capacity` is above what this
    ///   user may have.
    public static func make(
        options: PipeOptions = PipeOptions()
    ) throws(IPCError) -> (reader: PipeReader, writer: PipeWriter) {
        let ends = try mapping("make a pipe") { () throws(SystemCallError) in try DescriptorCalls.makePipe() }
        let reading = OwnedDescriptor(owning: ends.reading)
        let writing = OwnedDescriptor(owning: ends.writing)
        try options.apply(to: ends.writing)
        return (try PipeReader(reading, options), try PipeWriter(writing, options))
    }
}
