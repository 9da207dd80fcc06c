import Testing

/// `Documentation/Errors.md` has a row for each code, and no other.
@Suite struct ErrorTableTests {
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
}
