using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Calibration.Text;

/// <summary>Cuts a given text into parts of one length.</summary>
internal static class GivenText
{
    /// <summary>Cuts it; parts are taken evenly from the whole text where it has more than are wanted.</summary>
    /// <exception cref="ArgumentException">The text is shorter than one part.</exception>
    public static IReadOnlyList<int[]> Cut(ModelPackage package, string text, int length, int count)
    {
        var ids = HuggingFaceTokenizer.Load(package.Path).Encode(text, addSpecialTokens: false);
        int[] first = package.Config.Model.BosTokenId is { } begin ? [begin] : [];
        var size = length - first.Length;
        if (ids.Length < size)
        {
            throw new ArgumentException(
                $"The calibration text has '{ids.Length}' tokens; one part of it has '{length}'. Give a longer text, "
                + "or none: the model then samples its own.", nameof(text));
        }

        var parts = ids.Length / size;
        count = Math.Min(count, parts);
        return
        [
            .. Enumerable.Range(0, count).Select(int[] (index) =>
                [.. first, .. ids.AsSpan((int)((long)index * parts / count) * size, size)]),
        ];
    }
}
