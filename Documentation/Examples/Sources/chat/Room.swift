import IPCSockets

/// Who is in the room. What one says, all hear, in the same order.
actor Room {
    private var members: [Int: (name: String, channel: SocketChannel)] = [:]
    private var lastID = 0

    /// Somebody comes in.
    func enter(_ name: String, _ channel: SocketChannel) -> Int {
        lastID += 1
        members[lastID] = (name, channel)
        say("\(name) is here")
        return lastID
    }

    /// Somebody goes, or is gone.
    func leave(_ id: Int) {
        guard let member = members.removeValue(forKey: id) else { return }
        say("\(member.name) has left")
    }

    /// Says a line to everybody. Whoever does not read what is said is shown out: nobody waits for him.
    func say(_ line: String) {
        for (id, member) in members {
            // An error says that he is gone: the task that listens to him sees that, too.
            guard let isHeard = try? member.channel.trySend(Array(line.utf8)), !isHeard else { continue }
            members[id] = nil
            member.channel.close()
        }
    }

    /// The room closes: everybody hears it, and then the end.
    func close() async {
        say("the room closes")
        let leaving = members.values
        members = [:]
        for member in leaving { try? await member.channel.finish(until: .after(.seconds(5))) }
    }
}
