import CallsShared
import Distributed
import IPCDistributed
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// A peer that speaks the call protocol and sends calls of actors that no compiler made: only typed failures come of it.
@Suite(.watched) struct ActorHostileTests {
    @Test func theRightCallIsAnswered() async throws {
        try await Stranger.join { stranger async throws in
            let reply = try await stranger.multiplexer.call(2, stranger.payload())
            #expect(try BinaryCodec.decode(Int.self, from: reply) == 3)
        }
    }

    @Test func methodsOfOtherTypesAndNoMethodsAreRefused() async throws {
        try await Stranger.join { stranger async throws in
            for target in [
                "$s11CallsShared4SafeC4openSSyYaKFTE", "$s11CallsShared6OfficeC5AnnexC4lookSSyYaKFTE",
                "$s11CallsShared6OfficeC5localSSyF5InnerL_C4lookSSyYaKFTE", "$s11CallsShared6OfficeC",
                "$s11CallsShared6OfficeC7missingyyYaKFTE", "$s11CallsShared6OfficeC3add",
                "x", "$s", "$sSS", String(repeating: "$s11CallsShared6OfficeC3add", count: 100),
            ] {
                let failure = await stranger.failure(try stranger.payload(target))
                #expect(failure?.reach == .notStarted, "\(target)")
            }
            #expect(await stranger.failure(try stranger.payload()) == nil)
        }
    }

    /// A name with bytes that the runtime would take for an address.
    @Test func namesThatAreNoneAreRefused() async throws {
        try await Stranger.join { stranger async throws in
            let good = try stranger.payload()
            for byte in [0, 1, 2, 0x17, 0x1f, 0x20, 0x7f, 0xff] as [UInt8] {
                var payload = good
                payload[30] = byte
                #expect(await stranger.failure(payload)?.error.code == .protocolViolation)
            }
            var generic = try stranger.payload(
                "$s11CallsShared6OfficeC5twiceySayxGxYaKSeRzSERzlFTE", substitutions: [String.self])
            let place = try #require(generic.firstRange(of: Array("SS".utf8))?.lowerBound)
            generic[place] = 1
            #expect(await stranger.failure(generic)?.error.code == .protocolViolation)
        }
    }

    /// Names of types that take the runtime for ever, or its stack, and types that this program has and the system was not given.
    @Test func typesThatWereNotGivenAreRefused() async throws {
        try await Stranger.join { stranger async throws in
            let good = try stranger.payload(
                "$s11CallsShared6OfficeC5twiceySayxGxYaKSeRzSERzlFTE", substitutions: [Int.self], arguments: [1])
            let reply = try await stranger.multiplexer.call(2, good)
            #expect(try BinaryCodec.decode([Int].self, from: reply) == [1, 1])
            let place = try #require(good.firstRange(of: [2, 0] + Array("Si".utf8)))
            for type in [
                "SiSg", "SaySiG", "Si" + String(repeating: "Sg", count: 40), "Si" + String(repeating: "Sg", count: 340),
                "Si" + String(repeating: "_t", count: 2_000), "11CallsShared6OfficeC",
            ] {
                var payload = good
                let count = type.utf8.count
                payload.replaceSubrange(place, with: [UInt8(count & 255), UInt8(count >> 8)] + Array(type.utf8))
                let failure = await stranger.failure(payload)
                #expect(failure?.error.code == .decodingFailed && failure?.reach == .notStarted, "\(type)")
            }
        }
    }

    /// The runtime would make the types of a method's name before it looks whether there is such a method.
    @Test func namesOfMethodsThatAreNotThereStayWithTheSystem() async throws {
        try await Stranger.join { stranger async throws in
            for type in ["Si" + String(repeating: "Sg", count: 340), "Si" + String(repeating: "_t", count: 2_000)] {
                let failure = await stranger.failure(
                    try stranger.payload("$s11CallsShared6OfficeC3addyS2i_" + type + "tYaKFTE"))
                #expect(failure?.error.code == .typeMismatch && failure?.reach == .notStarted)
            }
        }
    }

    /// More or fewer arguments and type parameters than the method has, and types that it does not take.
    @Test func callsOfAnotherShapeAreRefused() async throws {
        struct NotCodable {}
        let pair = "$s11CallsShared6OfficeC4pairyAA4PairVyxq_Gx_q_tYaKSeRzSERzSeR_SER_r0_lFTE"
        try await Stranger.join { stranger async throws in
            for arguments in [[], [1], [1, 2, 3], Array(repeating: 1, count: 200)] {
                let failure = await stranger.failure(try stranger.payload(arguments: arguments))
                #expect(failure?.error.code == .decodingFailed && failure?.reach == .notStarted, "\(arguments)")
            }
            // Bytes that belong to nothing, behind arguments and where there are none.
            for payload in [try stranger.payload(), try stranger.payload(Stranger.totalOfOffice, arguments: [])] {
                let failure = await stranger.failure(payload + [0])
                #expect(failure?.error.code == .protocolViolation && failure?.reach == .notStarted)
            }
            // A method that is not generic, with types.
            let typed = await stranger.failure(try stranger.payload(substitutions: [Int.self]))
            #expect(typed?.error.code == .decodingFailed && typed?.reach == .notStarted)
            for types in [[], [Int.self], [Int.self, NotCodable.self], [NotCodable.self]] as [[any Any.Type]] {
                let failure = await stranger.failure(try stranger.payload(pair, substitutions: types))
                #expect(failure?.reach == .notStarted, "\(types)")
            }
        }
    }

    /// Good calls with bytes changed in them, and cut ones. The connection goes on: what is wrong is one call.
    @Test func changedBytesNeverTrap() async throws {
        try await Stranger.join { stranger async throws in
            let calls = [
                try stranger.payload(),
                try stranger.payload(
                    "$s11CallsShared6OfficeC5twiceySayxGxYaKSeRzSERzlFTE", substitutions: [Int.self],
                    arguments: [1]),
            ]
            var random = SystemRandomNumberGenerator()
            for round in 0..<3_000 {
                var payload = calls[round & 1]
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let index = Int.random(in: 0..<payload.count, using: &random)
                    payload[index] = UInt8.random(in: round % 3 == 0 ? 0...255 : 0x30...0x7a, using: &random)
                }
                if round % 7 == 0 { payload.removeLast(Int.random(in: 0..<payload.count, using: &random)) }
                _ = await stranger.failure(payload)
            }
            let reply = try await stranger.multiplexer.call(2, stranger.payload())
            #expect(try BinaryCodec.decode(Int.self, from: reply) == 3)
        }
    }

    @Test func greetingsThatCannotBeReadAreRefused() async throws {
        do {
            try await Stranger.join(greeting: [1, 2, 3, 4]) { _ in Issue.record("joined") }
        } catch {
            #expect((error as? IPCError)?.code == .handshakeFailed)
        }
    }
}
