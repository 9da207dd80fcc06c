/// Starts a program, runs `body` with it, and ends it: the scoped form of
/// ``ChildProcess/spawn(_:arguments:options:transferring:)``.
///
/// When `body` has returned or thrown, the ends of the child's pipes are closed here, and the child, if it still runs,
/// is asked to end with SIGTERM; after `grace` it and everything in its process group get SIGKILL. That happens also
/// when the task is cancelled, and never hides what `body` returned or threw.
///
/// - Throws: `IPCError` as `spawn` does, or what `body` throws.
public func withChildProcess<Result>(
    _ executable: Executable, arguments: [String] = [], options: ChildProcess.Options = ChildProcess.Options(),
    transferring endpoints: [any DescriptorTransferable] = [], grace: Duration = .seconds(5),
    body: (ChildProcess) async throws -> Result
) async throws -> Result {
    let child = try await ChildProcess.spawn(
        executable, arguments: arguments, options: options, transferring: endpoints)
    do {
        let result = try await body(child)
        await child.tearDown(grace: grace)
        return result
    } catch {
        await child.tearDown(grace: grace)
        throw error
    }
}

extension ChildProcess {
    /// ``terminate(grace:)`` with the whole grace, whatever becomes of the task, and without an outcome.
    func tearDown(grace: Duration) async {
        closeStreams()
        let child = self
        await Task { _ = try? await child.terminate(grace: grace) }.value
    }
}
