/// A value that is its bytes: it can be copied to another process of this machine as it lies in memory.
///
/// `BitwiseCopyable` alone is not enough for bytes that somebody else wrote: a `Bool` that is neither 0 nor 1, an enum
/// of no case, or a pointer is undefined behaviour as soon as it is looked at. Declare the conformance only of a type
/// that keeps these rules; the compiler cannot check them:
///
/// - **Every bit pattern is a valid value.** All stored properties are themselves `PlainData`. No `Bool`, no enum, no
///   optional: use an integer and check it on the way in.
/// - **No pointers, references or descriptors**: their meaning ends at the border of the process.
/// - **Host byte order and layout.** It is for processes of one machine that were built with the same definition of the
///   type. To cross machines, versions or architectures use the binary codec.
///
/// Padding between fields is not part of the value. What the codec sends has it zeroed, so that no stale memory leaks
/// to the peer, for every Swift struct whose layout can be told from its fields. A type imported from C keeps the bytes
/// between its fields (bit-fields may live there): fill such gaps with fields of your own. In shared memory there is no
/// copy in which padding could be zeroed: declare it as fields there too.
///
/// ```swift
/// struct Sample: PlainData {
///     var time: UInt64
///     var position: SIMD3<Float>
///     var channels: InlineArray<8, UInt16>
/// }
/// ```
public protocol PlainData: BitwiseCopyable, Sendable {}

extension Int: PlainData {}
extension Int8: PlainData {}
extension Int16: PlainData {}
extension Int32: PlainData {}
extension Int64: PlainData {}
extension Int128: PlainData {}
extension UInt: PlainData {}
extension UInt8: PlainData {}
extension UInt16: PlainData {}
extension UInt32: PlainData {}
extension UInt64: PlainData {}
extension UInt128: PlainData {}
extension Float16: PlainData {}
extension Float: PlainData {}
extension Double: PlainData {}

extension InlineArray: PlainData where Element: PlainData {}

/// A number that is ``PlainData`` in a SIMD vector as well. All fixed-width integers and floats that have vectors are.
public protocol PlainDataScalar: PlainData, SIMDScalar, Codable, Hashable
where
    SIMD2Storage: BitwiseCopyable, SIMD4Storage: BitwiseCopyable, SIMD8Storage: BitwiseCopyable,
    SIMD16Storage: BitwiseCopyable, SIMD32Storage: BitwiseCopyable, SIMD64Storage: BitwiseCopyable
{}

extension Int: PlainDataScalar {}
extension Int8: PlainDataScalar {}
extension Int16: PlainDataScalar {}
extension Int32: PlainDataScalar {}
extension Int64: PlainDataScalar {}
extension UInt: PlainDataScalar {}
extension UInt8: PlainDataScalar {}
extension UInt16: PlainDataScalar {}
extension UInt32: PlainDataScalar {}
extension UInt64: PlainDataScalar {}
extension Float16: PlainDataScalar {}
extension Float: PlainDataScalar {}
extension Double: PlainDataScalar {}

extension SIMD2: PlainData where Scalar: PlainDataScalar {}
extension SIMD3: PlainData where Scalar: PlainDataScalar {}
extension SIMD4: PlainData where Scalar: PlainDataScalar {}
extension SIMD8: PlainData where Scalar: PlainDataScalar {}
extension SIMD16: PlainData where Scalar: PlainDataScalar {}
extension SIMD32: PlainData where Scalar: PlainDataScalar {}
extension SIMD64: PlainData where Scalar: PlainDataScalar {}
