import IPCProcess
import IPCSockets

@main struct FirstProgram {
    static func main() async throws {
        if InheritedEndpoints.count > 0 {  // the child, which was given a channel
            let channel = try InheritedEndpoints.take(0, as: SocketChannel.self)
            for try await message in channel.incoming {
                try await channel.send(message.reversed())
            }
            return try await channel.finish()
        }
        let (ours, theirs) = try SocketChannel.makePair()
        let child = try await ChildProcess.spawn(.current, transferring: [theirs])
        try await ours.send(Array("hello".utf8))
        let answer = try await ours.receive(until: .after(.seconds(30)))
        print("the child answered: \(String(decoding: answer ?? [], as: UTF8.self))")
        try await ours.finish()
        print("the child \(try await child.exitStatus())")
    }
}
