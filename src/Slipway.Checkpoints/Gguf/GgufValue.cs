namespace Slipway.Checkpoints.Gguf;

// The types of metadata values, by their number in the file.
internal enum GgufValueType : uint
{
    UInt8,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    Float32,
    Bool,
    String,
    Array,
    UInt64,
    Int64,
    Float64,
}

// An array stays in the file until it is asked for: vocabularies are long and seldom needed.
internal sealed record GgufArray(GgufValueType ItemType, long Count, long Offset);
