import IPCCore
import IPCPipes
import IPCSockets
import IPCSystem

/// A pipe channel on the two descriptors of a side, reader and writer, which it owns from now on.
func openPipeChannel(_ descriptors: [Int32]) throws(IPCError) -> PipeChannel {
    PipeChannel(
        reader: try PipeReader(OwnedDescriptor(owning: descriptors[0]), PipeOptions()),
        writer: try PipeWriter(OwnedDescriptor(owning: descriptors[1]), PipeOptions()))
}

/// A socket channel on a descriptor, which it owns from now on.
func openSocketChannel(
    _ descriptor: Int32, _ options: SocketOptions = SocketOptions()
) throws(IPCError) -> SocketChannel {
    try SocketChannel(OwnedDescriptor(owning: descriptor), options)
}
