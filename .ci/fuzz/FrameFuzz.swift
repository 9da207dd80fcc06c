// A libFuzzer target for the frame decoder, the parser of control messages and the states of objects that come with
// descriptors. `.ci/long.d/fuzz-frames` builds and runs it: the modules up to IPCSockets are compiled with the sanitizers, so
// that what is fuzzed is the code that runs.
//
// The first byte says which. A script is how the channel is set up, then pieces of a stream, each with a number of
// descriptors. They go through a real socket, because the kernel cuts and joins what a decoder sees.

import CIPC
import IPCCore
import IPCSockets
import IPCSystem

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard count >= 2 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    if bytes[0] & 1 == 0 {
        parseControl(Array(bytes.dropFirst()))
    } else if bytes[0] & 2 != 0 {
        receiveObject(bytes[1], Array(bytes.dropFirst(2)))
    } else {
        var script = Script(bytes)
        script.run()
    }
    return 0
}

/// Control messages as no kernel writes them: nothing beyond their memory is read, and nothing beyond the table written.
private func parseControl(_ bytes: [UInt8]) {
    // As large as the one that recvmsg fills; a header at the end of it is cut off there.
    let size = min(bytes.count, 1288)
    let control = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 16)
    defer { control.deallocate() }
    control.copyBytes(from: bytes.prefix(size))
    let received = UnsafeMutablePointer<cipc_received>.allocate(capacity: 1)
    defer { received.deallocate() }
    received.pointee.descriptor_count = 0
    cipc_collect_descriptors(control.baseAddress!, size, received)
    precondition((0...320).contains(received.pointee.descriptor_count))
}

private struct Script {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes.dropFirst() }

    private mutating func next() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func run() {
        let setting = next()
        let limit = [0, 1, 3, 253][Int(setting >> 2 & 3)]
        let isPacket = setting & 1 != 0
        let isBare = setting & 2 != 0
        let options = SocketOptions(
            type: isPacket ? .packets : .stream, framing: isBare ? .bytes : .messages, maximumMessageSize: 4096,
            maximumDescriptors: isBare ? 0 : limit)
        guard let ends = try? SocketCalls.makePair(isPacket ? .packets : .stream),
            let pipe = try? DescriptorCalls.makePipe()
        else { fatalError("no descriptor is free: some were leaked") }
        let raw = OwnedDescriptor(owning: ends.0)
        guard let channel = try? SocketChannel(OwnedDescriptor(owning: ends.1), options) else { fatalError("no channel") }
        // Most inputs are to get past the hello.
        if setting & 16 != 0 { send([115, 119, 105, 102, 116, 73, 80, 67, 1, 0, 0, 0, 0, 0, 0, 0], 0, raw.number, pipe.writing) }
        var isOver = false
        while !rest.isEmpty && !isOver {
            let head = next()
            let size = Int(head & 63)
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            send(piece, [0, 1, 2, 4][Int(head >> 6)], raw.number, pipe.writing)
            isOver = drain(channel, limit: options.maximumDescriptors)
        }
        channel.close()
        _ = raw.number
        closeDescriptor(pipe.writing)
        expectNoCopy(of: pipe.reading)
        closeDescriptor(pipe.reading)
    }

    private func send(_ piece: [UInt8], _ descriptors: Int, _ number: Int32, _ writing: Int32) {
        guard !piece.isEmpty else { return }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        piece.withUnsafeBytes { bytes in
            // A peer that takes no descriptors makes the kernel refuse them, which is no failure here.
            _ = try? descriptors == 0
                ? SocketCalls.send(number, bytes)
                : SocketCalls.send(
                    number, bytes, nothing, descriptors: [Int32](repeating: writing, count: descriptors))
        }
    }

    /// Takes what there is. True when the channel has come to its end.
    private func drain(_ channel: SocketChannel, limit: Int) -> Bool {
        do throws(IPCError) {
            // Ends: each turn takes a message of the few that were sent, or finds none.
            while true {
                switch try channel.descriptorMessages.tryReceive() {
                case .message(let message):
                    precondition(message.payload.count <= 4096, "a message above the limit")
                    precondition(message.descriptors.count <= limit, "descriptors above the limit")
                case .empty: return false
                case .finished: return true
                }
            }
        } catch {
            let allowed: [IPCError.Code] = [
                .protocolViolation, .messageTooLarge, .wrongMagic, .wrongVersion, .truncated, .peerClosed,
            ]
            precondition(allowed.contains(error.code), "another error: \(error)")
            return true
        }
    }

    /// Every descriptor that was sent is closed: the pipe has no writer left.
    private func expectNoCopy(of reading: Int32) {
        var byte: UInt8 = 0
        let count = try? withUnsafeMutableBytes(of: &byte) { try DescriptorCalls.read(reading, into: $0) }
        precondition(count == 0, "a descriptor was leaked")
    }
}
