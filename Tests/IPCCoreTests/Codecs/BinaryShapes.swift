// The types that the tests of the binary codec send.

struct Job: Codable, Sendable, Equatable {
    var path: String
    var count: Int
    var tags: [Int]
    var note: String?
}

enum Command: Codable, Sendable, Equatable {
    case stop
    case run(name: String, times: Int)
    case write([UInt8])
    indirect case both(Command, Command)
}

struct Everything: Codable, Sendable, Equatable {
    var flag = true
    var text = "häßlich \u{1F600}"
    var emptyText = ""
    var int = Int.min
    var int8 = Int8.min
    var int16 = Int16.min
    var int32 = Int32.min
    var int64 = Int64.min
    var int128 = Int128.min
    var uint = UInt.max
    var uint8 = UInt8.max
    var uint16 = UInt16.max
    var uint32 = UInt32.max
    var uint64 = UInt64.max
    var uint128 = UInt128.max
    var float = Float.pi
    var double = -Double.pi
    var some: Int? = 5
    var none: Int?
    var job: Job? = Job(path: "p", count: 1, tags: [], note: nil)
    var bytes: [UInt8] = [0, 127, 128, 255]
    var doubles: [Double] = [0, -0.5, .infinity]
    var floats: [Float] = [1.5, -.infinity]
    var nested: [[Int]] = [[], [1], [1, 1_000_000]]
    var optionals: [String?] = ["a", nil, "c"]
    var byName: [String: Int] = ["one": 1, "two": 2]
    var byNumber: [Int: String] = [1: "one", -7: "seven"]
    var byOther: [Bool: [String]] = [true: ["yes"], false: []]
    var set: Set<UInt16> = [1, 2, 60000]
    var commands: [Command] = [.stop, .run(name: "ls", times: 3), .write([1, 2]), .both(.stop, .write([]))]
    var range: Range<Int> = 3..<9
    var vector = SIMD3<Float>(1, 2, 3)
}

class Base: Codable {
    var name: String

    init(name: String) { self.name = name }
}

/// The usual way of subclasses: the fields of the superclass under a key of their own.
final class Derived: Base {
    var size: Int

    private enum CodingKeys: CodingKey { case size, name }

    init(name: String, size: Int) {
        self.size = size
        super.init(name: name)
    }

    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        size = try container.decode(Int.self, forKey: .size)
        try super.init(from: container.superDecoder())
    }

    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(size, forKey: .size)
        try super.encode(to: container.superEncoder())
    }
}

/// The other usual way: one set of fields for both.
final class Flat: Base {
    var size: Int

    private enum CodingKeys: CodingKey { case size }

    init(name: String, size: Int) {
        self.size = size
        super.init(name: name)
    }

    required init(from decoder: any Decoder) throws {
        size = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .size)
        try super.init(from: decoder)
    }

    override func encode(to encoder: any Encoder) throws {
        try super.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(size, forKey: .size)
    }
}

/// Containers that are filled in turns, which a codec that writes straight on gets wrong.
struct Interleaved: Codable, Equatable {
    var left: [Int]
    var right: [Int]
    var after: String

    private enum CodingKeys: CodingKey { case left, right, after, box }
    private enum BoxKeys: CodingKey { case sum, inner }

    init(left: [Int], right: [Int], after: String) {
        self.left = left
        self.right = right
        self.after = after
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        var leftList = container.nestedUnkeyedContainer(forKey: .left)
        var rightList = container.nestedUnkeyedContainer(forKey: .right)
        var box = container.nestedContainer(keyedBy: BoxKeys.self, forKey: .box)
        var inner = box.nestedUnkeyedContainer(forKey: .inner)
        for index in 0..<max(left.count, right.count) {
            if index < left.count { try leftList.encode(left[index]) }
            if index < right.count { try rightList.encode(right[index]) }
            try inner.encode("\(index)")
        }
        try container.encode(after, forKey: .after)
        try box.encode(left.reduce(0, +), forKey: .sum)
        var deepest = inner.nestedUnkeyedContainer()
        try deepest.encode(left)
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        var leftList = try container.nestedUnkeyedContainer(forKey: .left)
        var rightList = try container.nestedUnkeyedContainer(forKey: .right)
        left = []
        right = []
        while !leftList.isAtEnd || !rightList.isAtEnd {
            if !leftList.isAtEnd { left.append(try leftList.decode(Int.self)) }
            if !rightList.isAtEnd { right.append(try rightList.decode(Int.self)) }
        }
        after = try container.decode(String.self, forKey: .after)
        let box = try container.nestedContainer(keyedBy: BoxKeys.self, forKey: .box)
        guard try box.decode(Int.self, forKey: .sum) == left.reduce(0, +) else {
            throw DecodingError.dataCorruptedError(forKey: .sum, in: box, debugDescription: "wrong sum")
        }
        var inner = try box.nestedUnkeyedContainer(forKey: .inner)
        for index in 0..<max(left.count, right.count) {
            guard try inner.decode(String.self) == "\(index)" else {
                throw DecodingError.dataCorruptedError(in: inner, debugDescription: "wrong index")
            }
        }
        var deepest = try inner.nestedUnkeyedContainer()
        guard try deepest.decode([Int].self) == left else {
            throw DecodingError.dataCorruptedError(in: deepest, debugDescription: "wrong copy")
        }
    }
}

/// A value that may hold itself.
struct Tree: Codable, Equatable {
    var children: [Tree]
}

/// A number or a text, found out by trying.
enum Either: Codable, Equatable {
    case number(Int)
    case text(String)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        }
    }
}
