namespace Slipway.Engine.Cache;

/// <summary>Says what a sequence's keys, values and states take.</summary>
/// <param name="TokenBytes">Bytes of a token in the layers that keep all of them.</param>
/// <param name="StateBytes">Bytes that a sequence needs whatever its length.</param>
/// <param name="WindowTokenBytes">Bytes of a token in the layers that keep the last ones.</param>
/// <param name="WindowTokens">Tokens that those keep at most.</param>
internal readonly record struct SequenceSize(
    long TokenBytes, long StateBytes = 0, long WindowTokenBytes = 0, int WindowTokens = 0)
{
    /// <summary>Bytes of a sequence of a length.</summary>
    public long BytesFor(int length)
        => checked((TokenBytes * length) + (WindowTokenBytes * Math.Min(length, WindowTokens)) + StateBytes);

    /// <summary>Tokens of the longest sequence that fits.</summary>
    public int Fitting(long bytes)
    {
        var free = bytes - StateBytes;
        var inWindow = free / Math.Max(TokenBytes + WindowTokenBytes, 1);
        var fitting = inWindow < WindowTokens || WindowTokenBytes == 0
            ? inWindow
            : TokenBytes == 0 ? int.MaxValue : (free - (WindowTokenBytes * WindowTokens)) / TokenBytes;
        return (int)Math.Clamp(fitting, 0, int.MaxValue);
    }
}
