import IPCCore
import IPCSystem
import TestSupport
import Testing

/// `Documentation/Errors.md` has a row for each code, and no other.
@Suite(.watched) struct ErrorTableTests {
    @Test func everyCodeHasARow() throws {
        let rows = try Document("Documentation/Errors.md").text.matches(
            of: /(?m)^\| `\.(\w+)` \| ([^|]+) \| ([^|]+) \|$/)
        let documented = rows.map { String($0.1) }
        let source = try Document("Sources/IPCCore/Errors/IPCError+Code.swift").text
        let codes = source.matches(of: /public static let (\w+) = Code\(/).map { String($0.1) }
        #expect(codes.count > 20)
        #expect(Set(documented).count == documented.count)
        #expect(Set(codes).subtracting(documented) == [])
        #expect(Set(documented).subtracting(codes) == [])
        for row in rows {
            #expect(row.2.count > 10 && row.3.count > 10, "\(row.1)")
        }
    }

    /// The second table is what the library does with each errno.
    @Test func everyErrnoHasItsCode() throws {
        // The names stand as comments beside the numbers.
        var numbers: [String: Int32] = [:]
        for match in try Document("Sources/IPCSystem/Errno.swift").text.matches(of: /: Int32 = (\d+)  \/\/ (E\w+)/) {
            numbers[String(match.2)] = Int32(match.1)
        }
        let text = try Document("Documentation/Errors.md").text
        var documented: Set<Int32> = []
        for row in text.matches(of: /(?m)^\| (E[A-Z0-9, ]+) \| `\.(\w+)` \|$/) {
            for name in row.1.split(separator: ", ") {
                let number = try #require(numbers[String(name)], "\(name) is unknown to the library")
                documented.insert(number)
                #expect(IPCError(SystemCallError(.read, number), "test").code.description == row.2, "\(name)")
            }
        }
        #expect(documented.count > 20)
        for (name, number) in numbers where !documented.contains(number) {
            #expect(IPCError(SystemCallError(.read, number), "test").code == .systemFailure, "\(name) has no row")
        }
    }
}
