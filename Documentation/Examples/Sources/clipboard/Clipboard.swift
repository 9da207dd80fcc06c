import Glibc
import IPCSharedMemory

/// `clipboard`: copy in one program, paste in another, and be told of it in a third.
///
///     clipboard copy TEXT      puts the text on the clipboard
///     clipboard paste          prints it
///     clipboard watch [N]      prints each new text, until there were N (or for ever)
///     clipboard clear          removes the clipboard
///
/// The text lies in a `SharedArena`; a `Blackboard` says that there is a new one. Both have names, so the programs need not
/// run at the same time, and outlive the one that made them. CLIPBOARD_NAME chooses another name than this user's own.
@main struct Main {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            let clipboard = Clipboard()
            switch (arguments.first, arguments.count) {
            case ("copy", 2): try await clipboard.copy(arguments[1])
            case ("paste", 1): print(try clipboard.paste())
            case ("watch", 1): try await clipboard.watch(count: .max)
            case ("watch", 2):
                guard let count = Int(arguments[1]), count > 0 else { throw Usage() }
                try await clipboard.watch(count: count)
            case ("clear", 1): try clipboard.clear()
            default: throw Usage()
            }
        } catch is Usage {
            print("USAGE: clipboard copy TEXT | paste | watch [N] | clear")
            exit(64)
        } catch {
            print("clipboard: \(error)")
            exit(1)
        }
    }

    struct Usage: Error {}
}

/// A line on standard output at once: who reads it from a pipe waits for it.
func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

/// What the blackboard says of the latest copy.
struct Notice: PlainData {
    var process: Int64
    var byteCount: Int64
}

/// The clipboard of this user.
struct Clipboard {
    /// The longest text in bytes of UTF-8.
    static let capacity = 1 << 20

    private let name: String
    /// So that a sweep of leftovers leaves it alone between two programs.
    private let options = SharedMemoryOptions(isKeptWhenUnused: true)

    private var arenaPlace: SharedMemoryPlace { .named("\(name)-text") }
    private var boardPlace: SharedMemoryPlace { .named("\(name)-news") }

    init() {
        name = getenv("CLIPBOARD_NAME").map { String(cString: $0) } ?? "clipboard-example-\(getuid())"
    }

    func copy(_ text: String) async throws {
        // One copies at a time: whoever has the board. A program that dies here makes room at once.
        let board = try await Blackboard<Notice>.Writer.open(
            at: boardPlace, options: options, until: .after(.seconds(60)))
        let arena = try SharedArena(at: arenaPlace, .openOrCreate, byteCount: 3 * Self.capacity, options: options)
        let owner = try arena.claim()
        try self.text(owner).set(text)
        owner.release()
        try board.publish(Notice(process: Int64(getpid()), byteCount: Int64(text.utf8.count)))
    }

    /// The text in the arena, made by the first who comes.
    private func text(_ owner: SharedArenaOwner) throws -> SharedString {
        do throws(IPCError) {
            return try owner.root("text")
        } catch {
            guard error.code == .notFound else { throw error }
        }
        // Who was killed between making and naming left a string that nobody finds.
        try owner.reclaimUnreachable()
        let text = try owner.makeString(capacity: Self.capacity)
        try owner.setRoot("text", to: text)
        return text
    }

    func paste() throws -> String {
        var reading = options
        reading.access = .readOnly
        let arena = try SharedArena(at: arenaPlace, .open, options: reading)
        return try arena.root("text", as: SharedString.self).get()
    }

    func watch(count: Int) async throws {
        // A board to watch, if nobody has copied anything yet.
        _ = try? Blackboard<Notice>.Writer(at: boardPlace, options: options)
        let board = try Blackboard<Notice>.Reader(at: boardPlace)
        var (version, seen) = (board.version, 0)
        say("watching")
        while seen < count, let news = try await board.change(after: version) {
            version = news.version
            seen += 1
            say("process \(news.value.process) copied \(news.value.byteCount) bytes: \(try paste())")
        }
    }

    func clear() throws {
        try SharedMemory.remove(boardPlace)
        try SharedMemory.remove(arenaPlace)
    }
}
