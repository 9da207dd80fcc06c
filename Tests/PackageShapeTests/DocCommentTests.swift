import TestSupport
import Testing

/// Every public declaration says what it is.
@Suite(.watched) struct DocCommentTests {
    @Test func publicDeclarationsHaveDocComments() throws {
        let manifest = try Manifest()
        let files = try Repository.sources.get().filter { manifest.publicModules.contains($0.target) }
        let declarations = files.flatMap { PublicDeclaration.all(in: $0) }
        #expect(declarations.count > 100)
        // A declaration that fulfils a requirement of a protocol has the requirement's comment: DocC and editors show it.
        let inherited = Set(declarations.filter(\.isRequirement).map(\.signature)).union(Self.standardRequirements)
        for declaration in declarations where !declaration.hasComment && !declaration.isRequirement {
            #expect(inherited.contains(declaration.signature), "\(declaration.place): \(declaration.signature)")
        }
        for declaration in declarations where declaration.isRequirement {
            #expect(declaration.hasComment, "\(declaration.place): \(declaration.signature)")
        }
    }

    /// Requirements of protocols of the standard library, `Distributed` among it, that types fulfil.
    static let standardRequirements: Set<String> = [
        "==(_:_:)", "hash(into:)", "encode(to:)", "init(from:)", "description", "hashValue",
        "ActorID", "SerializationRequirement", "InvocationEncoder", "InvocationDecoder", "ResultHandler",
    ]

    @Test func scannerSeesWhatItShould() {
        let file = Repository.SourceFile(
            target: "T", path: "T.swift",
            text: """
                /// Said.
                public struct A {
                    public let b: Int
                    /// Said.
                    @inlinable
                    public init(
                        _ c: Int, d e: (Int) throws -> (Int), f: [String: Int] = [:]
                    ) {}
                    public static func == (l: A, r: A) -> Bool { true }
                    func notPublic(x: Int) {}
                }
                /// Said.
                public protocol P {
                    func g(until h: Int) async
                    /// Said.
                    var i: Int { get }
                }
                extension A {
                    // Not a doc comment.
                    public func j<K: P>(k: K, _ l: (A, A) -> Void) {}
                }
                /// Said.
                public enum E {
                    case m
                    /// Said.
                    case n(Int, Int)
                }
                """)
        let found = PublicDeclaration.all(in: file)
        #expect(
            found.map(\.signature) == [
                "A", "b", "init(_:d:f:)", "==(_:_:)", "P", "g(until:)", "i", "j(k:_:)", "E", "m", "n",
            ])
        #expect(
            found.filter { !$0.hasComment }.map(\.signature) == ["b", "==(_:_:)", "g(until:)", "j(k:_:)", "m"])
        #expect(found.filter(\.isRequirement).map(\.signature) == ["g(until:)", "i"])
    }
}
