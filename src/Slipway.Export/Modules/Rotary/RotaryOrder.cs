namespace Slipway.Export.Modules.Rotary;

/// <summary>The order of a head's elements in which any part of it can turn.</summary>
/// <remarks>
/// The attention operator turns a multiple of 16 elements, each of the first half with its partner in the second. A
/// smaller part is spread over so many: between its halves stand elements whose angle is 0. Scores do not depend on the
/// order as long as queries and keys have the same.
/// </remarks>
internal static class RotaryOrder
{
    private const int Step = 16;

    /// <summary>How many elements the operator turns for so many.</summary>
    public static int Padded(int rotarySize) => (rotarySize + Step - 1) / Step * Step;

    /// <summary>For each element of a head, which one of the checkpoint's it is; null where they stand as they are.</summary>
    public static IReadOnlyList<int>? Find(int headSize, int rotarySize)
    {
        int half = rotarySize / 2, paddedHalf = Padded(rotarySize) / 2;
        if (half == paddedHalf)
        {
            return null;
        }

        int still = rotarySize;
        return
        [
            .. Enumerable.Range(0, headSize).Select(element =>
                element < half ? element
                : element >= paddedHalf && element < paddedHalf + half ? element - paddedHalf + half
                : still++),
        ];
    }

    /// <summary>The order of consecutive heads.</summary>
    /// <param name="head">The order of one.</param>
    /// <param name="heads">How many.</param>
    /// <param name="start">Elements before the first.</param>
    public static IEnumerable<int> Repeat(IReadOnlyList<int> head, int heads, int start = 0) =>
        Enumerable.Range(0, heads).SelectMany(index => head.Select(element => start + (index * head.Count) + element));
}
