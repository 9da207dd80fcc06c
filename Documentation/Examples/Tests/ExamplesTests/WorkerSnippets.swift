// The lines are those of the guides.
// swift-format-ignore-file
import IPCSharedMemory
import IPCWorkers

// The pieces of Swift in `Documentation/WorkerPools.md` and in the article of IPCWorkers, so that they compile.
// `DocumentationTests` compares them.

private func words(ofFileAt path: String) throws -> [Substring] { path.split(separator: "/") }
private func isPrime(_ number: Int) -> Bool { number > 1 && (2..<number).allSatisfy { number % $0 != 0 } }

private struct ConversionError: Error, Codable {}
private func convert(_ path: String) throws(ConversionError) -> Int { path.utf8.count }

private enum Guide {
    struct Convert: WorkerTask {
        var path: String
        static var maximumAttempts: Int { 3 }                 // may be done twice: started again when its worker dies
        static var timeLimit: Duration? { .seconds(30) }      // an optional; or `var timeLimit`, for each task another one

        func run(in context: WorkerContext) async throws(ConversionError) -> Int { try convert(path) }
    }

    static let paths = ["a", "b"]

    struct CountWords: WorkerTask {                       // encoded, sent, run in a worker process
        var path: String

        func run(in context: WorkerContext) async throws -> Int { try words(ofFileAt: path).count }
    }

    struct App {
        static func main() async throws {
            try await Worker.serveIfSpawned(CountWords.self)   // in a worker: serves, and does not return
            let total = try await withWorkerPool(of: .coreCount) { pool in
                try await pool.map(paths.map(CountWords.init)).reduce(0, +)
            }
            print(total)
        }
    }
}

private enum Article {
    static let paths = ["a", "b"]

    struct CountWords: WorkerTask {
        var path: String
        func run(in context: WorkerContext) async throws -> Int { try words(ofFileAt: path).count }
    }

    struct App {
        static func main() async throws {
            try await Worker.serveIfSpawned(CountWords.self)
            let total = try await withWorkerPool(of: .coreCount) { pool in
                try await pool.map(paths.map(CountWords.init)).reduce(0, +)
            }
            print(total)
        }
    }
}

private func stream(_ pool: WorkerPool) async throws {
    struct FindPrimes: StreamingWorkerTask {
        var range: Range<Int>

        func run(in context: WorkerContext, emit: WorkerEmitter<Int>) async throws {
            for number in range where isPrime(number) { try await emit(number) }
        }
    }

    for try await prime in pool.stream(FindPrimes(range: 1..<1_000_000)) { print(prime) }
}

struct Sum: WorkerTask {
    @Transferred var numbers: SharedMemory     // both sides have it mapped: nothing is copied at all
    var range: Range<Int>

    func run(in context: WorkerContext) async throws -> Int {
        try range.reduce(0) { sum, index in sum + Int(try numbers.load(at: index * 8, as: Int64.self)) }
    }
}

private func showProgress(_ pool: WorkerPool, _ paths: [String]) async throws -> [Int] {
    typealias CountWords = Guide.CountWords
    let progress = WorkerProgress(total: paths.count)
    let counts = try await withProgressBar(progress, unit: "files") {
        try await pool.map(paths.map(CountWords.init), progress: progress).reduce(into: []) { $0.append($1) }
    }
    return counts
}
