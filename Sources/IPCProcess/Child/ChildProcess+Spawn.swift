import IPCPipes
import IPCSystem

extension ChildProcess {
    /// Starts a program and returns when it runs. Prefer
    /// ``withChildProcess(_:arguments:options:transferring:grace:body:)``, which also ends it.
    ///
    /// A thread of this library starts it, since the parent-death signal follows the thread; no thread of Swift's pool
    /// is blocked. What runs between clone(2) and execve(2) is C that takes no lock, so other threads may be anywhere.
    ///
    /// - Parameters:
    ///   - executable: the program; a string literal is a name to look up, or a path if it has a slash.
    ///   - arguments: what follows argv[0].
    ///   - options: everything else; see ``Options``.
    ///   - endpoints: what is given to the child beyond its standard streams; it takes them with
    ///     ``InheritedEndpoints``. They are closed here, even when the child cannot be started.
    /// - Throws: `.executionFailed` with the errno when the program cannot be run (`.notFound` and `.permissionDenied`
    ///   when that is why), `.resourceExhausted`, `.invalidArgument`, `.cancelled` when the task was cancelled before.
    ///   Nothing is left behind then: no zombie, no descriptor.
    public static func spawn(
        _ executable: Executable, arguments: [String] = [], options: Options = Options(),
        transferring endpoints: [any DescriptorTransferable] = []
    ) async throws(IPCError) -> ChildProcess {
        if Task.isCancelled { throw .cancelled("start a program") }
        var plan = try SpawnPlan(executable, arguments: arguments, options: options, transferring: endpoints)
        // Before the child exists, so that nothing can fail once it does.
        let input = try plan.takeWriter()
        let output = try plan.takeReader(1)
        let error = try plan.takeReader(2)
        let started: ProcessCalls.Started
        do throws(SpawnFailure) {
            started = try await Spawner.shared.spawn(plan.request)
        } catch let failure {
            throw IPCError(failure, executable, options)
        }
        // The plan holds the child's descriptors open until here.
        withExtendedLifetime(plan) {}
        IPCObservation.emit(.childSpawned(processID: started.processID, executable: executable.displayName))
        return ChildProcess(
            handle: ChildHandle(started, leadsGroup: options.processGroup.isLed), input: input, output: output,
            error: error)
    }
}

extension IPCError {
    fileprivate init(_ failure: SpawnFailure, _ executable: Executable, _ options: ChildProcess.Options) {
        let name = executable.displayName
        let error = failure.error
        switch failure.step {
        case .create: self.init(error, "start a program", object: name)
        case .parentDeath: self.init(error, "start a program that dies with its parent", object: name)
        case .group: self.init(error, "start a program in its process group", object: name)
        case .priority: self.init(error, "start a program with niceness \(options.niceness ?? 0)", object: name)
        case .processors:
            let numbers = (options.processors ?? []).map { "\($0)" }.joined(separator: ", ")
            self.init(error, "start a program on processors \(numbers), of which none is usable", object: name)
        case .directory:
            self.init(error, "start \(name) in its working directory", object: options.workingDirectory)
        case .descriptor: self.init(error, "connect the descriptors of a program", object: name)
        case .limit(let index): self.init(error, "start a program with its limit number \(index)", object: name)
        case .execute: self.init(executing: name, error, in: options.workingDirectory)
        }
    }

    private init(executing name: String, _ error: SystemCallError, in directory: String?) {
        let place = directory.map { " (a relative path starts at \($0))" } ?? ""
        let (code, advice): (Code, String) =
            switch error.errno {
            case Errno.notFound: (.notFound, "there is no such program, or its interpreter is missing\(place)")
            case Errno.notDirectory: (.notFound, "a part of its path is not a directory\(place)")
            case Errno.accessDenied, Errno.notPermitted:
                (.permissionDenied, "it may not be executed; check its mode and that it is a file")
            case Errno.notExecutable:
                (.executionFailed, "it is neither a program nor a script that starts with #!")
            case Errno.argumentListTooLong: (.executionFailed, "arguments and environment are too long together")
            case Errno.wouldBlock: (.resourceExhausted, "its user has too many processes already (RLIMIT_NPROC)")
            case Errno.noMemory: (.resourceExhausted, "the system has no memory for it")
            default: (.executionFailed, "the system refuses to execute it")
            }
        self.init(
            code, "start a program: \(advice)", object: name, systemCall: error.call.rawValue, errno: error.errno)
    }
}
