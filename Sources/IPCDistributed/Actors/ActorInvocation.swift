public import Distributed
import IPCSystem

/// A call of a distributed actor on its way out. Used by the Swift runtime.
public struct ActorInvocationEncoder: DistributedTargetInvocationEncoder {
    public typealias SerializationRequirement = any Codable

    /// The names of the types that a generic method is called with.
    private(set) var substitutions: [String] = []
    private(set) var argumentCount = 0
    /// Each argument with its length before it.
    private(set) var arguments: [UInt8] = []

    package init() {}

    /// Called by the Swift runtime.
    public mutating func recordGenericSubstitution<Value>(_ type: Value.Type) throws {
        guard let name = _mangledTypeName(type) else {
            throw ActorCallError(
                IPCError(.encodingFailed, "\(type) has no name that another process knows"), .notStarted)
        }
        substitutions.append(name)
    }

    /// Called by the Swift runtime.
    public mutating func recordArgument<Value: Codable>(_ argument: RemoteCallArgument<Value>) throws {
        do throws(IPCError) {
            let bytes = try BinaryCodec.encode(argument.value)
            CallWire.append(UInt32(bytes.count), to: &arguments)
            arguments += bytes
            argumentCount += 1
        } catch {
            throw ActorCallError(error, .notStarted)
        }
    }

    /// Called by the Swift runtime.
    public mutating func recordReturnType<Result: Codable>(_ type: Result.Type) throws {}
    /// Called by the Swift runtime.
    public mutating func recordErrorType<Failure: Error>(_ type: Failure.Type) throws {}
    /// Called by the Swift runtime.
    public mutating func doneRecording() throws {}

    /// The request's payload.
    package func payload(for actor: IPCActorID, _ target: String) throws -> [UInt8] {
        let target = Array(target.utf8)
        guard target.count <= ActorInvocation.maximumNameSize, substitutions.count <= 255, argumentCount <= 255 else {
            throw ActorCallError(
                IPCError(.encodingFailed, "a call with so long a name or so many arguments"), .notStarted)
        }
        var buffer: [UInt8] = []
        buffer.reserveCapacity(48 + target.count + arguments.count)
        CallWire.append(actor.system.high, to: &buffer)
        CallWire.append(actor.system.low, to: &buffer)
        CallWire.append(actor.number, to: &buffer)
        CallWire.append(UInt16(target.count), to: &buffer)
        buffer += target
        buffer.append(UInt8(substitutions.count))
        for substitution in substitutions {
            let name = Array(substitution.utf8)
            guard name.count <= ActorInvocation.maximumNameSize else {
                throw ActorCallError(IPCError(.encodingFailed, "the name of a type is too long"), .notStarted)
            }
            CallWire.append(UInt16(name.count), to: &buffer)
            buffer += name
        }
        buffer.append(UInt8(argumentCount))
        buffer += arguments
        return buffer
    }
}

/// A call of a distributed actor as it came in: everything in it is checked as it is read.
struct ActorInvocation {
    static let maximumNameSize = 4096

    let actor: IPCActorID
    let target: String
    var decoder: ActorInvocationDecoder

    init(_ payload: [UInt8], _ system: IPCActorSystem) throws(IPCError) {
        var reader = Reader(bytes: payload)
        actor = IPCActorID(
            system: ActorSystemID(high: try reader.number(), low: try reader.number()), number: try reader.number())
        target = try reader.name()
        var substitutions: [String] = []
        for _ in 0..<(try reader.number(UInt8.self)) { substitutions.append(try reader.name()) }
        let count = Int(try reader.number(UInt8.self))
        guard count > 0 || reader.isAtEnd else { throw Self.surplus }
        decoder = ActorInvocationDecoder(
            reader: reader, substitutions: substitutions, argumentCount: count, system: system)
    }

    static var surplus: IPCError { IPCError(.protocolViolation, "a call of an actor with bytes behind its arguments") }

    /// Reads a payload from front to back.
    struct Reader: Sendable {
        let bytes: [UInt8]
        var offset = 0

        var isAtEnd: Bool { offset == bytes.count }

        mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
            _: Number.Type = Number.self
        ) throws(IPCError) -> Number {
            let range = try take(MemoryLayout<Number>.size)
            return unsafe bytes.span.bytes.load(Number.self, at: range.lowerBound)
        }

        mutating func take(_ count: Int) throws(IPCError) -> Range<Int> {
            guard count <= bytes.count - offset else {
                throw IPCError(.protocolViolation, "a call of an actor that ends too soon")
            }
            defer { offset += count }
            return offset..<offset + count
        }

        /// The name of a function or a type, as the runtime takes it. Bytes below the space in such a name would be read as
        /// addresses, so only what is printed is let through.
        mutating func name() throws(IPCError) -> String {
            let count = Int(try number(UInt16.self))
            guard count > 0, count <= ActorInvocation.maximumNameSize else {
                throw IPCError(.protocolViolation, "a call of an actor with a name of \(count) bytes")
            }
            let name = bytes[try take(count)]
            guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                throw IPCError(.protocolViolation, "a call of an actor with a name that is none")
            }
            return String(decoding: name, as: UTF8.self)
        }
    }
}

/// The arguments of a call that came in. Used by the Swift runtime.
public struct ActorInvocationDecoder: DistributedTargetInvocationDecoder, Sendable {
    public typealias SerializationRequirement = any Codable

    var reader: ActorInvocation.Reader
    let substitutions: [String]
    var argumentCount: Int
    let system: IPCActorSystem

    /// Called by the Swift runtime.
    public mutating func decodeGenericSubstitutions() throws -> [any Any.Type] {
        guard !substitutions.isEmpty else { return [] }
        var types = try substitutions.map { name throws in try system.genericTypes.type(named: name) }
        // The runtime reads as many as the method has parameters, without a look at how many there are.
        for _ in types.count..<256 { types.append(Never.self) }
        return types
    }

    /// Called by the Swift runtime.
    public mutating func decodeNextArgument<Argument: Codable>() throws -> Argument {
        do throws(IPCError) {
            guard argumentCount > 0 else {
                throw IPCError(.decodingFailed, "the method has more arguments than came with the call")
            }
            argumentCount -= 1
            let range = try reader.take(Int(try reader.number(UInt32.self)))
            guard argumentCount > 0 || reader.isAtEnd else { throw ActorInvocation.surplus }
            let bytes = unsafe reader.bytes.span.bytes.extracting(range)
            return try BinaryCodec.decode(Argument.self, from: bytes, userInfo: system.userInfo)
        } catch {
            throw ArgumentFailure(error: error)
        }
    }

    /// Called by the Swift runtime.
    public mutating func decodeReturnType() throws -> (any Any.Type)? { nil }
    /// Called by the Swift runtime.
    public mutating func decodeErrorType() throws -> (any Any.Type)? { nil }
}

/// An argument that cannot be read. The runtime hands it over as if the method had thrown it, which it has not called.
private struct ArgumentFailure: Error {
    let error: IPCError
}

/// Where the Swift runtime leaves what a distributed method returned or threw.
public struct ActorResultHandler: DistributedTargetInvocationResultHandler, Sendable {
    public typealias SerializationRequirement = any Codable

    final class Result: Sendable {
        let answer = Lock<Swift.Result<[UInt8], CallFailure>?>(nil)
    }

    let result = Result()

    init() {}

    /// Called by the Swift runtime.
    public func onReturn<Value: Codable>(value: Value) async throws {
        do throws(IPCError) {
            let bytes = try BinaryCodec.encode(value)
            result.answer.withLock { $0 = .success(bytes) }
        } catch {
            result.answer.withLock { $0 = .failure(CallFailure(error)) }
        }
    }

    /// Called by the Swift runtime.
    public func onReturnVoid() async throws {
        result.answer.withLock { $0 = .success([]) }
    }

    /// Called by the Swift runtime.
    public func onThrow<Failure: Error>(error: Failure) async throws {
        result.answer.withLock { $0 = .failure(CallFailure(thrownByActor: error)) }
    }
}

extension CallFailure {
    /// What a distributed method threw, with its bytes if it is `Codable`.
    init(thrownByActor error: any Error) {
        if let failure = error as? ArgumentFailure {
            self.init(failure.error, reach: .notStarted)
        } else if let failure = (error as? ActorCallError) {
            // It called another actor: how far that call came says nothing of this one.
            self.init(failure.error)
        } else if error is IPCError || error is CancellationError {
            self.init(thrown: error)
        } else if let encodable = error as? any (Error & Encodable), let bytes = Self.encode(encodable) {
            self.init(
                IPCError(.taskFailed, "the actor threw: \(error)"), typeName: ThrownTypes.name(of: type(of: error)),
                payload: bytes)
        } else {
            self.init(IPCError(.taskFailed, "the actor threw: \(error)"))
        }
    }

    private static func encode(_ error: some Encodable) -> [UInt8]? { try? BinaryCodec.encode(error) }
}
