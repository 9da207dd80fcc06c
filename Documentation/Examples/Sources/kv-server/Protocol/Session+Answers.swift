import IPCSync

/// The commands that concern no key, and those that concern many.
extension Session {
    /// What needs no stripe.
    mutating func answer(_ command: CommandName) {
        switch command {
        case .ping:
            if argumentCount == 1 { replies.simple("PONG") } else { replies.bulk(argument(1)) }
        case .echo: replies.bulk(argument(1))
        case .select:
            if Int64(decimal: argument(1)) == 0 { replies.ok() } else { replies.error("ERR DB index is out of range") }
        case .client: replies.ok()
        case .config: answerConfig()
        case .command: answerCommand()
        default: replies.error("ERR unknown command '\(command.text)'")
        }
    }

    /// `CONFIG GET NAME`, for what redis-benchmark asks before it begins; everything else is not there.
    private mutating func answerConfig() {
        guard argumentCount >= 3, text(argument(1)).lowercased() == "get" else {
            return replies.error("ERR Unknown CONFIG subcommand, or wrong number of arguments")
        }
        let known = ["save": "", "appendonly": "no", "maxmemory": "\(store.shape.byteCount * store.stripeCount)"]
        let name = text(argument(2)).lowercased()
        let found = known.filter { name == "*" || name == $0.key }.sorted { $0.key < $1.key }
        replies.array(2 * found.count)
        for (name, value) in found {
            replies.bulk(name)
            replies.bulk(value)
        }
    }

    /// `COMMAND`, `COMMAND COUNT`, and `COMMAND DOCS`, of which there are none.
    private mutating func answerCommand() {
        let sub = argumentCount > 1 ? text(argument(1)).lowercased() : ""
        switch sub {
        case "": break
        case "count": return replies.number(Int64(CommandName.allCases.count))
        default: return replies.array(0)
        }
        replies.array(CommandName.allCases.count)
        for command in CommandName.allCases {
            replies.array(6)
            replies.bulk(command.text)
            replies.number(Int64(command.arity))
            replies.array(1)
            if command.writes { replies.simple("write") } else { replies.simple("readonly") }
            for number in [command.keys.first, command.keys.last, command.keys.step] { replies.number(Int64(number)) }
        }
    }

    // MARK: Many stripes

    /// What goes through several stripes, one after the other, each for itself.
    mutating func perform(_ command: CommandName) async throws(IPCError) {
        do throws(IPCError) {
            switch command {
            case .dbSize: replies.number(Int64(try await store.statistics().keys))
            case .info: replies.bulk(worker.report(try await store.statistics(), store))
            case .flushDB, .flushAll:
                try await store.removeAll()
                replies.ok()
            default: replies.number(try await countKeys(removing: command == .del))
            }
        } catch {
            guard error.code == .poisoned else { throw error }
            replies.error("ERR the store: \(error)")
        }
    }

    /// How many of the keys there are, or were.
    private func countKeys(removing: Bool) async throws(IPCError) -> Int64 {
        var count: Int64 = 0
        for word in words.dropFirst() {
            let hash = word.withUnsafeBytes { store.hash($0) }
            let now = StoreClock.milliseconds
            let wasThere = try await store.withWaiting(store.stripe(of: hash)) { memory in
                guard let found = word.withUnsafeBytes({ memory.find($0, hash, now: now) }) else { return false }
                if removing { memory.remove(found) }
                return true
            }
            if wasThere { count += 1 }
        }
        return count
    }
}
