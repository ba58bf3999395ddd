namespace Slipway.Kernels.Attention;

/// <summary>Counts rows that are computed at once, where the code is compiled.</summary>
internal interface IRowCount
{
    /// <summary>The number of rows, from 1 to 4.</summary>
    static abstract int Count { get; }
}

internal readonly struct OneRow : IRowCount
{
    public static int Count => 1;
}

internal readonly struct TwoRows : IRowCount
{
    public static int Count => 2;
}

internal readonly struct ThreeRows : IRowCount
{
    public static int Count => 3;
}

internal readonly struct FourRows : IRowCount
{
    public static int Count => 4;
}
