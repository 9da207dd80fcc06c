import IPCPipes
import IPCSystem

/// A child that is about to be started: what the kernel needs, the descriptors that have to stay open until then, and
/// the ends of pipes that stay here.
struct SpawnPlan: Sendable {
    private(set) var request: SpawnRequest
    /// Closed when the plan goes, which is after the start.
    private var held: [PassedDescriptor] = []
    private var ends: [Int32: PassedDescriptor] = [:]
    private let name: String

    init(
        _ executable: Executable, arguments: [String], options: ChildProcess.Options,
        transferring endpoints: [any DescriptorTransferable]
    ) throws(IPCError) {
        name = executable.displayName
        for argument in arguments where argument.utf8.contains(0) {
            throw IPCError(.invalidArgument, "start a program: an argument contains a zero byte", object: name)
        }
        if let directory = options.workingDirectory, directory.isEmpty || directory.utf8.contains(0) {
            throw IPCError(
                .invalidArgument, "start a program: its directory must not be empty or contain a zero byte",
                object: name)
        }
        var environment = try options.environment.resolve()
        let program = try executable.resolve(in: environment)
        request = SpawnRequest(
            program, arguments: [options.programName ?? name] + arguments, environment: [])
        request.directory = options.workingDirectory
        request.limits = options.limits.map(\.raw)
        request.group = options.processGroup.raw
        request.parentDeathSignal = options.parentDeathSignal?.rawValue ?? 0
        request.niceness = options.niceness.map { Int32(clamping: $0) }
        request.creationMask = options.creationMask
        request.processors = options.processors

        try connectInput(options.standardInput)
        try connectOutput(options.standardOutput, 1)
        try connectOutput(options.standardError, 2)
        if !endpoints.isEmpty {
            environment.set(InheritedEndpoints.variable, try transfer(endpoints))
        }
        request.environment = environment.entries
    }

    /// The end of the pipe to the child's standard input, once.
    mutating func takeWriter() throws(IPCError) -> PipeWriter? {
        guard let number = ends.removeValue(forKey: 0)?.take() else { return nil }
        return try PipeWriter(OwnedDescriptor(owning: number), Self.bytes)
    }

    /// The end of the pipe from the child's descriptor `target`, once.
    mutating func takeReader(_ target: Int32) throws(IPCError) -> PipeReader? {
        guard let number = ends.removeValue(forKey: target)?.take() else { return nil }
        return try PipeReader(OwnedDescriptor(owning: number), Self.bytes)
    }

    /// Bytes as they are, and as many in one piece as the caller likes.
    private static let bytes = PipeOptions(framing: .bytes, maximumMessageSize: .max / 2)

    private mutating func connectInput(_ input: ChildInput) throws(IPCError) {
        switch input.kind {
        case .inherit: try inherit(0)
        case .null: try openFile("/dev/null", .readOnly, as: 0)
        case .pipe: try makePipe(0)
        case .file(let path): try openFile(path, .readOnly, as: 0)
        case .descriptor(let number): request.descriptors.append(.init(number, as: 0))
        case .endpoint(let endpoint): try give(endpoint, as: 0)
        }
    }

    private mutating func connectOutput(_ output: ChildOutput, _ target: Int32) throws(IPCError) {
        switch output.kind {
        case .inherit: try inherit(target)
        case .null: try openFile("/dev/null", .writeOnly, as: target)
        case .pipe: try makePipe(target)
        case .standardOutput:
            guard target == 2, let source = request.descriptors.last(where: { $0.target == 1 })?.source else {
                throw IPCError(
                    .invalidArgument, "start a program: its standard output cannot go to itself", object: name)
            }
            request.descriptors.append(.init(source, as: 2))
        case .file(let path, let appending, let permissions):
            try openFile(
                path, [.writeOnly, .create, appending ? .append : .truncate], permissions: permissions, as: target)
        case .descriptor(let number): request.descriptors.append(.init(number, as: target))
        case .endpoint(let endpoint): try give(endpoint, as: target)
        }
    }

    private mutating func hold(_ number: Int32, as target: Int32) {
        held.append(PassedDescriptor(owning: number))
        request.descriptors.append(.init(number, as: target))
    }

    private mutating func inherit(_ target: Int32) throws(IPCError) {
        if DescriptorCalls.isOpen(target) {
            request.descriptors.append(.init(target, as: target))
        } else {
            try openFile("/dev/null", target == 0 ? .readOnly : .writeOnly, as: target)
        }
    }

    private mutating func openFile(
        _ path: String, _ flags: FileCalls.Flags, permissions: UInt32 = 0, as target: Int32
    ) throws(IPCError) {
        // Non-blocking while it opens, so that a FIFO without a writer cannot hold this thread up.
        let file = try mapping("open a file for a program", object: path) { () throws(SystemCallError) in
            let file = try FileCalls.open(path, [flags, .nonblocking], permissions: permissions)
            try DescriptorCalls.setNonblocking(file.number, false)
            return file
        }
        hold(file.release(), as: target)
    }

    /// A pipe: the child's end blocks, as programs expect, and this one does not. Each end has its own flag.
    private mutating func makePipe(_ target: Int32) throws(IPCError) {
        let pipe = try mapping("make a pipe to a program", object: name) { () throws(SystemCallError) in
            try DescriptorCalls.makePipe()
        }
        let (theirs, ours) = target == 0 ? (pipe.reading, pipe.writing) : (pipe.writing, pipe.reading)
        ends[target] = PassedDescriptor(owning: ours)
        hold(theirs, as: target)
        try makeBlocking(theirs)
    }

    private mutating func give(_ endpoint: any DescriptorTransferable, as target: Int32) throws(IPCError) {
        let transferred = try endpoint.transfer()
        guard transferred.descriptors.count == 1, let number = transferred.descriptors[0].take() else {
            throw IPCError(
                .invalidArgument,
                "start a program: a standard stream is one descriptor, and \(type(of: endpoint)) is not", object: name)
        }
        hold(number, as: target)
        try makeBlocking(number)
    }

    private func makeBlocking(_ number: Int32) throws(IPCError) {
        try mapping("make a stream of a program blocking", object: name) { () throws(SystemCallError) in
            try DescriptorCalls.setNonblocking(number, false)
        }
    }

    /// Gives the endpoints away as descriptors 3, 4, … of the child, and returns the variable that tells it of them.
    private mutating func transfer(_ endpoints: [any DescriptorTransferable]) throws(IPCError) -> String {
        var next: Int32 = 3
        var items: [InheritedEndpoints.Item] = []
        for endpoint in endpoints {
            let transferred = try endpoint.transfer()
            var item = InheritedEndpoints.Item(descriptors: [], state: transferred.state)
            for descriptor in transferred.descriptors {
                guard let number = descriptor.take() else {
                    throw IPCError(
                        .closed, "start a program: a descriptor of \(type(of: endpoint)) was taken already",
                        object: name)
                }
                hold(number, as: next)
                item.descriptors.append(try .init(number: next, identifying: number))
                next += 1
            }
            items.append(item)
        }
        return InheritedEndpoints.encode(items)
    }
}
