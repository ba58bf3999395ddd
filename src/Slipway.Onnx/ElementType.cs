namespace Slipway.Onnx;

/// <summary>The type of a tensor's elements; the numbers are ONNX's own.</summary>
public enum ElementType
{
    /// <summary>No type, or one that has not been said.</summary>
    Undefined = 0,

    /// <summary>IEEE 754 single precision.</summary>
    Float32 = 1,

    /// <summary>Unsigned bytes, also codes of quantized weights.</summary>
    UInt8 = 2,

    /// <summary>Signed bytes.</summary>
    Int8 = 3,

    /// <summary>16-bit integers.</summary>
    Int16 = 5,

    /// <summary>32-bit integers.</summary>
    Int32 = 6,

    /// <summary>64-bit integers.</summary>
    Int64 = 7,

    /// <summary>Truth values, one byte each.</summary>
    Bool = 9,

    /// <summary>IEEE 754 half precision.</summary>
    Float16 = 10,

    /// <summary>IEEE 754 double precision.</summary>
    Float64 = 11,

    /// <summary>The upper half of single precision.</summary>
    BFloat16 = 16,
}
