import Glibc
import IPCProcess
import Testing

@Suite(.inTurn) struct WordCountTests {
    /// What `LC_ALL=C wc` says of the same files: a row of numbers for each, and the total.
    private func wc(_ folder: String, without skipped: [String] = []) async throws -> [[Int]] {
        let environment = ProcessEnvironment.inherit.updating(["LC_ALL": "C"])
        let found = try await Command("find", folder, "-type", "f", "-print0").output().checked().standardOutput
        let files = found.split(separator: 0).filter { path in
            !skipped.contains { path.elementsEqual("\(folder)/\($0)".utf8) }
        }.sorted { $0.lexicographicallyPrecedes($1) }
        let list = files.flatMap { $0 + [0] }
        let output = try await Command("wc", "--files0-from=-", options: .init(environment: environment))
            .output(input: Array(list)).checked()
        var rows = numbers(output.standardOutput)
        // wc has no total of a single file.
        if files.count == 1 { rows.append(rows[0]) }
        return rows
    }

    private func numbers(_ table: [UInt8]) -> [[Int]] {
        table.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: " ")).prefix(3).compactMap { Int(String(decoding: $0, as: UTF8.self)) }
        }
    }

    @Test func equalsWcOnAllKindsOfFiles() async throws {
        try await withTemporaryFolder { folder in
            try await Command("mkdir", "-p", "\(folder)/deep/deeper", "\(folder)/empty folder").run()
            try makeFile("empty", in: folder, "")
            try makeFile("one line", in: folder, "one line\n")
            try makeFile("no line break", in: folder, "no line break at the end")
            try makeFile("spaces", in: folder, " \t\u{b}\u{c}\r\n  two\twords \r\n\n\n")
            try makeFile("deep/deeper/umlauts", in: folder, "äöü naïve — Straße 日本 x\n")
            try makeFile(Array("latin".utf8), in: folder, [0x61, 0xe9, 0x20, 0xe9, 0x20, 0x62, 0xa0, 0x63, 10])
            try makeFile("control", in: folder, "a\u{1}b \u{7f}x \u{1b}[0m\n")
            try makeFile([0x66, 0xff, 0xfe, 0x67], in: folder, Array("a name that is not UTF-8\n".utf8))
            try makeFile("deep/large", in: folder, String(repeating: "word and\nword ", count: 70_000))
            try await Command("ln", "-s", "\(folder)/deep/large", "\(folder)/link").run()
            try await Command("ln", "-s", folder, "\(folder)/deep/loop").run()
            try await Command("mkfifo", "\(folder)/fifo").run()

            let output = try await Example.command("word-count", [folder]).output()
            #expect(output.status == .exited(0))
            #expect(output.errorText == "")
            let rows = numbers(output.standardOutput)
            #expect(rows == (try await wc(folder)))
            #expect(rows.count == 10)
        }
    }

    @Test func equalsWcOnThisRepository() async throws {
        let root = #filePath.split(separator: "/").dropLast(5).map { "/\($0)" }.joined()
        for folder in ["Sources", "Tests", "Documentation/Examples/Sources"] {
            let output = try await Example.command("word-count", ["\(root)/\(folder)"]).output().checked()
            #expect(numbers(output.standardOutput) == (try await wc("\(root)/\(folder)")))
        }
    }

    @Test func binaryFilesAreNamedAndLeftOut() async throws {
        try await withTemporaryFolder { folder in
            try makeFile("text", in: folder, "some text\n")
            try makeFile("program", in: folder, "\u{7f}ELF\0\0 words\n")
            let output = try await Example.command("word-count", [folder]).output()
            #expect(output.status == .exited(0))
            #expect(output.errorText == "word-count: \(folder)/program: binary, skipped\n")
            #expect(numbers(output.standardOutput) == (try await wc(folder, without: ["program"])))
        }
    }

    @Test func unreadableFilesAreNamedAndMakeTheStatusOne() async throws {
        try await withTemporaryFolder { folder in
            try await Command("chmod", "755", folder).run()
            try makeFile("text", in: folder, "some text\n")
            try makeFile("secret", in: folder, "nobody may read this\n")
            try await Command("mkdir", "\(folder)/locked").run()
            try await Command("chmod", "000", "\(folder)/secret", "\(folder)/locked").run()
            var command = try Example.command("word-count", [folder])
            if geteuid() == 0 {
                // Modes do not stop root, so another user counts, with a copy of the program that it can reach.
                let program = "\(folder)-program"
                try await Command("cp", try Example.path("word-count"), program).run()
                try await Command("chmod", "755", program).run()
                command = Command(
                    "setpriv", arguments: ["--reuid=65534", "--regid=65534", "--clear-groups", program, folder],
                    options: .init(workingDirectory: "/"))
            }
            let output = try await command.output()
            try await Command("rm", "-f", "\(folder)-program").run()
            #expect(output.status == .exited(1), "\(output.errorText)")
            #expect(output.errorText.contains("\(folder)/secret: Permission denied, skipped\n"))
            #expect(output.errorText.contains("\(folder)/locked: Permission denied, skipped\n"))
            #expect(numbers(output.standardOutput) == (try await wc(folder, without: ["secret"])))
        }
    }

    @Test func wrongArgumentsAreUsageErrors() async throws {
        for arguments in [[], ["/nonexistent/folder"], ["--workers", "none", "/tmp"], ["--what"], ["/tmp", "/var"]] {
            let output = try await Example.command("word-count", arguments).output()
            #expect(output.status == .exited(64), "\(arguments)")
            #expect(output.errorText.hasPrefix("word-count: "))
            #expect(output.standardOutput.isEmpty)
        }
        let help = try await Example.command("word-count", ["--help"]).output().checked()
        #expect(help.text.contains("--workers N"))
    }

    @Test func progressGoesToTerminalsAlone() async throws {
        try await withTemporaryFolder { folder in
            for number in 0..<20 { try makeFile("\(number)", in: folder, "text\n") }
            let program = try Example.path("word-count")
            let quiet = try await Example.command("word-count", [folder]).output().checked()
            #expect(quiet.errorText == "")
            // script(1) gives it a terminal.
            let shown = try await Command("script", "-qec", "\(program) \(folder)", "/dev/null").output().checked()
            #expect(shown.text.contains("20 of 20 files, 100 %"))
        }
    }

    /// Workers are killed while files are counted: the table does not change, whichever files they had.
    @Test func killedWorkersChangeNothing() async throws {
        try await withTemporaryFolder { folder in
            let text = String(repeating: "some words to count\nand a line\n", count: 3_000)
            for number in 0..<300 { try makeFile("file \(number)", in: folder, text + String(number)) }
            let undisturbed = try await Example.command("word-count", [folder]).output().checked()
            #expect(numbers(undisturbed.standardOutput) == (try await wc(folder)))

            // Where the test is slower than the workers, they are done before it can kill one. Then it tries again.
            var killed = 0
            for _ in 0..<50 where killed < 3 {
                let (count, table) = try await countWhileKilling(folder)
                killed += count
                #expect(table == undisturbed.standardOutput)
            }
            #expect(killed >= 3)
        }
    }

    /// Kills a worker as soon as a part of the files is counted, and others later: three at most.
    ///
    /// - Returns: how many were killed, and the table.
    private func countWhileKilling(_ folder: String) async throws -> (killed: Int, table: [UInt8]) {
        let child = try await ChildProcess.spawn(
            .path(try Example.path("word-count")), arguments: ["--progress", "--workers", "2", folder],
            options: .init(standardOutput: .pipe, standardError: .pipe))
        var killed = 0
        for try await line in try child.standardError.lines where line.hasSuffix("%") && killed < 3 {
            guard let percent = line.split(separator: " ").dropLast().last.flatMap({ Int($0) }),
                percent >= 10 + killed * 25, let worker = workers(of: child.processID).randomElement()
            else { continue }
            if kill(worker, SIGKILL) == 0 { killed += 1 }
        }
        var table: [UInt8] = []
        while let part = try await child.standardOutput.receive() { table += part }
        #expect(try await child.exitStatus() == .exited(0))
        return (killed, table)
    }

    /// The children of a process.
    private func workers(of process: Int32) -> [Int32] {
        var found: [Int32] = []
        guard let threads = opendir("/proc/\(process)/task") else { return [] }
        defer { closedir(threads) }
        while let entry = readdir(threads) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let file = fopen("/proc/\(process)/task/\(name)/children", "r") else { continue }
            var number: Int32 = 0
            while withUnsafeMutablePointer(
                to: &number,
                { pointer in
                    withVaList([pointer]) { vfscanf(file, "%d", $0) }
                }) == 1
            { found.append(number) }
            fclose(file)
        }
        return found
    }
}
