using System.Reflection.Emit;

namespace Slipway.Tracing.Recording;

/// <summary>Operations on two numbers that a module's own code performs.</summary>
internal enum NumberOperation
{
    /// <summary>A comparison of any kind.</summary>
    Compare,

    /// <summary>A comparison with zero.</summary>
    Test,

    /// <summary>A jump by the first number among as many places as the second says.</summary>
    Switch,

    /// <summary>The sum.</summary>
    Add,

    /// <summary>The difference.</summary>
    Subtract,

    /// <summary>The product.</summary>
    Multiply,

    /// <summary>The quotient, whole for integers.</summary>
    Divide,

    /// <summary>The rest that a division leaves.</summary>
    Remainder,

    /// <summary>The bits that both have.</summary>
    And,

    /// <summary>The bits of either.</summary>
    Or,

    /// <summary>A shift to the left.</summary>
    ShiftLeft,

    /// <summary>A shift to the right.</summary>
    ShiftRight,

    /// <summary>The whole part of the first number.</summary>
    Truncate,

    /// <summary>The smaller.</summary>
    Min,

    /// <summary>The larger.</summary>
    Max,

    /// <summary>A comparison of integers without a sign.</summary>
    CompareUnsigned,

    /// <summary>The first number in as many bits as the second says, with a sign where that is negative.</summary>
    Narrow,

    /// <summary>An element of an array, or a function of the framework.</summary>
    Call,
}

/// <summary>Two numbers that a module's own code computed with or compared in one run.</summary>
/// <param name="Site">The place.</param>
/// <param name="Left">The first.</param>
/// <param name="Right">The second.</param>
internal readonly record struct NumberEvent(Interception.NumberSite Site, double Left, double Right)
{
    /// <summary>The arguments of a function, where the place calls one.</summary>
    public object?[]? Arguments { get; init; }
}

/// <summary>Reads and performs the operations.</summary>
internal static class NumberOperations
{
    /// <summary>The operation of an instruction; null for one that is not watched.</summary>
    public static NumberOperation? Of(OpCode code) => Stem(code.Name!) switch
    {
        "ceq" or "cgt" or "clt" or "beq" or "bne" or "bge" or "bgt" or "ble" or "blt" => NumberOperation.Compare,
        "brtrue" or "brfalse" => NumberOperation.Test,
        "switch" => NumberOperation.Switch,
        "add" => NumberOperation.Add,
        "sub" => NumberOperation.Subtract,
        "mul" => NumberOperation.Multiply,
        "div" => NumberOperation.Divide,
        "rem" => NumberOperation.Remainder,
        "and" => NumberOperation.And,
        "or" => NumberOperation.Or,
        "shl" => NumberOperation.ShiftLeft,
        "shr" => NumberOperation.ShiftRight,
        "ldelem" => NumberOperation.Call,
        "conv" when !code.Name!.Contains(".r", StringComparison.Ordinal) => NumberOperation.Truncate,
        _ => null,
    };

    /// <summary>Computes the result; for a comparison, which of the two is larger.</summary>
    public static double Apply(this Interception.NumberSite site, double left, double right)
        => site.Operation switch
        {
            NumberOperation.Compare or NumberOperation.Test => Sign(left - right),
            NumberOperation.Switch => left >= 0 && left < right ? left : -1,
            NumberOperation.Add => left + right,
            NumberOperation.Subtract => left - right,
            NumberOperation.Multiply => left * right,
            NumberOperation.Divide => site.IsReal || right == 0 ? left / right : Math.Truncate(left / right),
            NumberOperation.Remainder => right == 0 ? double.NaN : left % right,
            NumberOperation.And => (long)left & (long)right,
            NumberOperation.Or => (long)left | (long)right,
            NumberOperation.ShiftLeft => (long)left << (int)right,
            NumberOperation.ShiftRight => (long)left >> (int)right,
            NumberOperation.Truncate => Math.Truncate(left),
            NumberOperation.Min => Math.Min(left, right),
            NumberOperation.CompareUnsigned => Sign(Unsigned(left) - Unsigned(right)),
            NumberOperation.Narrow => Narrow((long)left, (int)right),
            _ => Math.Max(left, right),
        };

    private static double Sign(double value) => double.IsNaN(value) ? value : Math.Sign(value);

    private static double Unsigned(double value) => value < 0 ? value + Math.Pow(2, 64) : value;

    private static long Narrow(long value, int bits) => bits switch
    {
        8 => (byte)value,
        -8 => (sbyte)value,
        16 => (ushort)value,
        _ => (short)value,
    };

    private static string Stem(string name)
        => name.IndexOf('.', StringComparison.Ordinal) is var dot && dot < 0 ? name : name[..dot];
}
