import Glibc

/// What was found, in the order of the listing, and how it is shown.
struct Report {
    private let listing: FileListing
    private var results: [CountFile.Result?]

    /// Whether everything could be read.
    private(set) var isComplete = true

    init(_ listing: FileListing) {
        self.listing = listing
        results = Array(repeating: nil, count: listing.files.count)
        for folder in listing.unreadable {
            isComplete = false
            complain("\(text(folder.path)): \(folder.reason), skipped")
        }
    }

    mutating func add(_ result: Result<CountFile.Result, any Error>, at index: Int) {
        let outcome: CountFile.Result
        switch result {
        case .success(let found): outcome = found
        // The file's worker died on it again and again.
        case .failure(let error): outcome = .unreadable("\(error)")
        }
        results[index] = outcome
        if case .unreadable = outcome { isComplete = false }
    }

    /// The table on standard output in the form of `wc`, what was skipped on standard error.
    func write() {
        var rows: [(counts: Counts, path: [UInt8])] = []
        var total = Counts()
        for (path, result) in zip(listing.files, results) {
            switch result {
            case .counted(let counts):
                rows.append((counts, path))
                total += counts
            case .binary: complain("\(text(path)): binary, skipped")
            case .unreadable(let reason): complain("\(text(path)): \(reason), skipped")
            case nil: complain("\(text(path)): never counted")
            }
        }
        rows.append((total, Array("total".utf8)))
        let width = String(total.bytes).count
        var output: [UInt8] = []
        for row in rows {
            let numbers = [row.counts.lines, row.counts.words, row.counts.bytes].map { number in
                String(repeating: " ", count: max(0, width - String(number).count)) + String(number)
            }
            output += Array("\(numbers.joined(separator: " ")) ".utf8) + row.path + [10]
        }
        writeAll(output, to: STDOUT_FILENO)
    }

    private func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }
}
