/// The first byte of every value in the binary form. `Documentation/WireFormat.md` is the specification.
enum BinaryTag {
    /// The version that this library writes and the only one that it reads: the first byte of a message.
    static let version: UInt8 = 1

    // 0x00...0x7F and 0xE0...0xFF are the integers 0...127 and -32...-1 themselves.
    static let firstNegative: UInt8 = 0xE0
    // 0x80...0xBF: a string of 0...63 bytes.
    static let shortString: UInt8 = 0x80
    static let longestShortString = 63

    static let null: UInt8 = 0xC0
    static let no: UInt8 = 0xC1
    static let yes: UInt8 = 0xC2

    static let unsigned8: UInt8 = 0xC3
    static let unsigned16: UInt8 = 0xC4
    static let unsigned32: UInt8 = 0xC5
    static let unsigned64: UInt8 = 0xC6
    static let signed8: UInt8 = 0xC7
    static let signed16: UInt8 = 0xC8
    static let signed32: UInt8 = 0xC9
    static let signed64: UInt8 = 0xCA
    static let signed128: UInt8 = 0xCB
    static let unsigned128: UInt8 = 0xCC
    static let float: UInt8 = 0xCD
    static let double: UInt8 = 0xCE

    static let string8: UInt8 = 0xCF
    static let string32: UInt8 = 0xD0
    /// Numbers of one kind: the tag of the elements, a length in bytes, the elements without tags.
    static let packed8: UInt8 = 0xD1
    static let packed32: UInt8 = 0xD2
    /// A length in bytes, a count, the elements.
    static let list8: UInt8 = 0xD3
    static let list32: UInt8 = 0xD4
    /// A length in bytes, the fields.
    static let keyed8: UInt8 = 0xD5
    static let keyed32: UInt8 = 0xD6

    /// How many bytes follow the tag of a number; nil for other tags.
    static func width(ofNumber tag: UInt8) -> Int? {
        switch tag {
        case unsigned8, signed8: 1
        case unsigned16, signed16: 2
        case unsigned32, signed32, float: 4
        case unsigned64, signed64, double: 8
        case signed128, unsigned128: 16
        default: nil
        }
    }

    /// What a value with this tag is, for an error message.
    static func describe(_ tag: UInt8) -> String {
        switch tag {
        case 0x00...0x7F, firstNegative...0xFF, unsigned8...unsigned128: "an integer"
        case shortString..<null, string8, string32: "a string"
        case null: "nil"
        case no, yes: "a Boolean"
        case float, double: "a floating-point number"
        case packed8, packed32: "an array of numbers"
        case list8, list32: "a list of values"
        case keyed8, keyed32: "a value with named fields"
        default: "the unknown tag \(tag)"
        }
    }
}
