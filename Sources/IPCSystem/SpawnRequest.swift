import CIPC

/// What a child is to be, in the kernel's terms. `Sources/CIPC/spawn.c` carries it out.
package struct SpawnRequest: Sendable {
    package enum Program: Sendable {
        /// The paths to try in turn, as execvp(3) does.
        case paths([String])
        /// An open executable.
        case descriptor(Int32)
    }

    package enum Group: Sendable, Hashable {
        case inherited, own, session
    }

    /// `source` of this process becomes `target` in the child. Every other descriptor is closed there.
    package struct Descriptor: Sendable {
        package var source: Int32
        package var target: Int32

        package init(_ source: Int32, as target: Int32) {
            self.source = source
            self.target = target
        }
    }

    package struct Limit: Sendable, Hashable {
        package var resource: Int32
        package var soft: UInt64
        package var hard: UInt64

        package init(_ resource: Int32, soft: UInt64, hard: UInt64) {
            self.resource = resource
            self.soft = soft
            self.hard = hard
        }
    }

    package var program: Program
    /// Including the name of the program, argv[0].
    package var arguments: [String]
    /// `NAME=value` each, without zero bytes.
    package var environment: [[UInt8]]
    package var directory: String?
    package var descriptors: [Descriptor] = []
    package var limits: [Limit] = []
    package var group = Group.own
    /// 0: none. It is sent when the *thread* that spawned exits.
    package var parentDeathSignal: Int32 = 0
    package var niceness: Int32?
    package var creationMask: UInt32?
    /// The numbers of the processors that it may run on; nil inherits.
    package var processors: [Int]?

    package init(_ program: Program, arguments: [String], environment: [[UInt8]]) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
    }
}

/// A program that could not be started.
package struct SpawnFailure: Error {
    package enum Step: Sendable, Hashable {
        case create, parentDeath, group, priority, processors, directory, descriptor(Int), limit(Int)
        /// Executing the path of this index, or nil where it was a descriptor.
        case execute(Int?)
    }

    package let step: Step
    package let error: SystemCallError

    package init(step: Step, error: SystemCallError) {
        self.step = step
        self.error = error
    }
}

extension ProcessCalls {
    /// Starts a program; see `cipc_spawn`. Blocks until the exec is done: not on a thread of Swift's pool.
    package static func spawn(_ request: SpawnRequest) throws(SpawnFailure) -> Started {
        var outcome = cipc_spawn_outcome()
        let result = unsafe withRaw(request) { raw in
            attempt(.clone) { unsafe cipc_spawn(raw, &outcome) }
        }
        if result >= 0 { return Started(processID: outcome.process, pidfd: outcome.pidfd) }
        throw SpawnFailure(outcome, errno: -result)
    }

    /// Lays the request out as C sees it, for the time of `body`.
    private static func withRaw(
        _ request: SpawnRequest, _ body: (UnsafePointer<cipc_spawn_request>) -> Int32
    ) -> Int32 {
        var paths: [[UInt8]] = []
        var executable: Int32 = -1
        switch request.program {
        case .paths(let given): paths = given.map { Array($0.utf8) }
        case .descriptor(let number): executable = number
        }
        let pathList = CStringList(paths)
        let arguments = CStringList(request.arguments.map { Array($0.utf8) })
        let environment = CStringList(request.environment)
        let directory = CStringList(request.directory.map { [Array($0.utf8)] } ?? [])
        var descriptors = request.descriptors.map { cipc_spawn_descriptor(source: $0.source, target: $0.target) }
        let processors = request.processors.map(processorMask)
        let limits = request.limits.map { cipc_spawn_limit(resource: $0.resource, soft: $0.soft, hard: $0.hard) }

        // SAFETY: every pointer below is into storage that lives until `body` returns, and cipc_spawn keeps none.
        return unsafe pathList.withPointers { paths in
            unsafe arguments.withPointers { arguments in
                unsafe environment.withPointers { environment in
                    unsafe directory.withPointers { directory in
                        unsafe descriptors.withUnsafeMutableBufferPointer { descriptors in
                            unsafe limits.withUnsafeBufferPointer { limits in
                                var raw = unsafe cipc_spawn_request(
                                    paths: UnsafeRawPointer(paths).assumingMemoryBound(to: UnsafePointer<CChar>?.self),
                                    executable: executable, arguments: arguments, environment: environment,
                                    directory: directory[0].map { unsafe UnsafePointer($0) },
                                    descriptors: descriptors.baseAddress,
                                    descriptor_count: Int32(descriptors.count), limits: limits.baseAddress,
                                    limit_count: Int32(limits.count), process_group: number(of: request.group),
                                    parent_death_signal: request.parentDeathSignal,
                                    niceness: request.niceness ?? .min,
                                    creation_mask: request.creationMask.map { Int32($0 & 0o777) } ?? -1,
                                    processors: nil,
                                    processor_word_count: 0)
                                guard let processors else { return unsafe body(&raw) }
                                return unsafe processors.withUnsafeBufferPointer { words in
                                    unsafe raw.processors = words.baseAddress
                                    unsafe raw.processor_word_count = Int32(words.count)
                                    return unsafe body(&raw)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// A bit for each processor. Numbers that no machine has are left out: an empty mask is refused by the kernel.
    private static func processorMask(_ numbers: [Int]) -> [UInt64] {
        let numbers = numbers.filter { (0..<8192).contains($0) }
        var words = [UInt64](repeating: 0, count: (numbers.max() ?? 0) / 64 + 1)
        for number in numbers { words[number / 64] |= 1 << UInt64(number % 64) }
        return words
    }

    private static func number(of group: SpawnRequest.Group) -> Int32 {
        switch group {
        case .inherited: CIPC_SPAWN_GROUP_INHERITED
        case .own: CIPC_SPAWN_GROUP_OWN
        case .session: CIPC_SPAWN_SESSION
        }
    }
}

extension SpawnFailure {
    fileprivate init(_ outcome: cipc_spawn_outcome, errno: Int32) {
        let index = Int(outcome.index)
        let (step, call): (Step, SystemCall) =
            switch Int(outcome.step) {
            case CIPC_SPAWN_PARENT_DEATH: (.parentDeath, .prctl)
            case CIPC_SPAWN_GROUP: (.group, .setpgid)
            case CIPC_SPAWN_PRIORITY: (.priority, .setpriority)
            case CIPC_SPAWN_PROCESSORS: (.processors, .sched_setaffinity)
            case CIPC_SPAWN_DIRECTORY: (.directory, .chdir)
            case CIPC_SPAWN_DESCRIPTOR: (.descriptor(index), index < 0 ? .close_range : .dup3)
            case CIPC_SPAWN_LIMIT: (.limit(index), .prlimit)
            case CIPC_SPAWN_EXECUTE: (.execute(index < 0 ? nil : index), .execve)
            default: (.create, .clone)
            }
        self.init(step: step, error: SystemCallError(call, errno))
    }
}

/// Strings as C wants them: one block of memory, each string ended by zero, and pointers to them ended by null.
private struct CStringList {
    private var bytes: [CChar] = []
    private var starts: [Int] = []

    init(_ strings: [[UInt8]]) {
        bytes.reserveCapacity(strings.reduce(0) { $0 + $1.count + 1 })
        starts.reserveCapacity(strings.count)
        for string in strings {
            starts.append(bytes.count)
            for byte in string { bytes.append(CChar(bitPattern: byte)) }
            bytes.append(0)
        }
    }

    func withPointers(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32) -> Int32 {
        unsafe bytes.withUnsafeBufferPointer { block in
            var pointers: [UnsafeMutablePointer<CChar>?] = unsafe []
            unsafe pointers.reserveCapacity(starts.count + 1)
            for start in starts {
                // SAFETY: C declares argv mutable for old programs' sake; nothing writes through it before exec.
                unsafe pointers.append(UnsafeMutablePointer(mutating: block.baseAddress! + start))
            }
            unsafe pointers.append(nil)
            return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
        }
    }
}
