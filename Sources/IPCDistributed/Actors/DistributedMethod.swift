import Distributed
import IPCSystem

/// A distributed method of this program, with what the runtime has to know to call it.
///
/// `executeDistributedTarget` finds that out for each call anew, from the method's mangled name: how many parameters there are, of
/// which types, and what is returned. That takes several times as long as the call itself, and for a method that is not generic it
/// is the same each time, so it is kept.
@safe
final class DistributedMethod: @unchecked Sendable {
    /// What is the same for all calls of a method that is not generic.
    @safe
    private struct Signature {
        let parameters: UnsafeMutablePointer<any Any.Type>
        let result: any Any.Type
    }

    let parameterCount: Int
    private let target: RemoteCallTarget
    private let name: UnsafeMutableBufferPointer<UInt8>
    private let signature: Signature?

    /// - Parameter target: the name of a method that the program has.
    init?(_ target: String) {
        let bytes = Array(target.utf8)
        let name = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = unsafe name.initialize(from: bytes)
        let size = UInt(bytes.count)
        // SAFETY: the runtime reads `size` bytes of the name, which lives as long as this object.
        guard let start = name.baseAddress, case let count = unsafe __getParameterCount(start, size), count >= 0
        else {
            unsafe name.deallocate()
            return nil
        }
        parameterCount = Int(count)
        self.target = RemoteCallTarget(target)
        unsafe self.name = name
        #if compiler(<6.4)
            unsafe signature = Self.signature(start, size, parameterCount)
        #else
            // What the entry points below take is known of the compilers before this one; others go the public way.
            signature = nil
        #endif
    }

    deinit {
        unsafe name.deallocate()
        unsafe signature?.parameters.deallocate()
    }

    private static func signature(_ name: UnsafePointer<UInt8>, _ size: UInt, _ count: Int) -> Signature? {
        // SAFETY: the name is one of `size` bytes. A method without an environment is not generic, so no arguments are needed to
        // find its types.
        guard unsafe _getGenericEnvironmentOfDistributedTarget(name, size) == nil,
            let result = unsafe __getReturnTypeInfo(name, size, nil, nil)
        else { return nil }
        let parameters = UnsafeMutablePointer<any Any.Type>.allocate(capacity: max(1, count))
        // SAFETY: the function writes as many types as there are parameters, for which there is room, or says that it cannot.
        guard unsafe getParameterTypes(name, size, nil, nil, parameters, count) == Int32(count) else {
            unsafe parameters.deallocate()
            return nil
        }
        return unsafe Signature(parameters: parameters, result: result)
    }

    /// Calls the method, as `executeDistributedTarget` does.
    ///
    /// - Throws: what keeps it from being called. What the method throws goes to the handler.
    func call<Act: DistributedActor>(
        on actor: Act, _ decoder: inout ActorInvocationDecoder, _ handler: ActorResultHandler, _ system: IPCActorSystem
    ) async throws {
        guard let signature else {
            return try await system.executeDistributedTarget(
                on: actor, target: target, invocationDecoder: &decoder, handler: handler)
        }
        guard decoder.substitutions.isEmpty else {
            throw IPCError(.decodingFailed, "a method that is not generic is called with types")
        }
        let result = unsafe Self.room(for: signature.result)
        defer { unsafe result.deallocate() }
        do {
            // SAFETY: the record of the method was found under this name, with parameters and a result of these types; the buffer
            // has room for the result, and all of it lives until the call returns.
            try await unsafe execute(
                actor, name.baseAddress!, UInt(name.count), &decoder, signature.parameters, result, nil, nil, 0)
        } catch {
            return try await handler.onThrow(error: error)
        }
        if signature.result == Void.self { return try await handler.onReturnVoid() }
        defer { unsafe Self.destroy(result, signature.result) }
        try await unsafe system.invokeHandlerOnReturn(
            handler: handler, resultBuffer: result, metatype: signature.result)
    }

    private static func room(for type: any Any.Type) -> UnsafeMutableRawPointer {
        func allocate<Result>(_: Result.Type) -> UnsafeMutableRawPointer {
            .allocate(byteCount: max(1, MemoryLayout<Result>.size), alignment: MemoryLayout<Result>.alignment)
        }
        return unsafe _openExistential(type, do: allocate)
    }

    private static func destroy(_ result: UnsafeMutableRawPointer, _ type: any Any.Type) {
        func destroy<Result>(_: Result.Type) {
            // SAFETY: the call has left a value of this type there, and nobody has it.
            _ = unsafe result.assumingMemoryBound(to: Result.self).deinitialize(count: 1)
        }
        _openExistential(type, do: destroy)
    }
}

/// Writes the types of a method's parameters. By the Swift runtime; the library's own declaration takes a type that cannot be
/// written here.
@_silgen_name("swift_func_getParameterTypeInfo")
private func getParameterTypes(
    _ name: UnsafePointer<UInt8>, _ size: UInt, _ environment: UnsafeRawPointer?, _ arguments: UnsafeRawPointer?,
    _ types: UnsafeMutableRawPointer, _ count: Int
) -> Int32

/// Calls a distributed method: the last step of `executeDistributedTarget`. By the Swift runtime, which is built without
/// `NonisolatedNonsendingByDefault`.
@_silgen_name("swift_distributed_execute_target")
@concurrent
private func execute<Decoder: DistributedTargetInvocationDecoder>(
    _ actor: AnyObject, _ name: UnsafePointer<UInt8>, _ size: UInt, _ decoder: inout Decoder,
    _ parameters: UnsafeMutableRawPointer, _ result: UnsafeMutableRawPointer, _ substitutions: UnsafeRawPointer?,
    _ witnesses: UnsafeRawPointer?, _ witnessCount: UInt
) async throws
