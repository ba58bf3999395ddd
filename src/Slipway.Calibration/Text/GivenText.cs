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
        return Cut(ids, package.Config.Model.BosTokenId is { } begin ? [begin] : [], [], length, count);
    }

    /// <summary>Cuts token ids; each part stands between some others.</summary>
    /// <exception cref="ArgumentException">There are too few for one part.</exception>
    public static IReadOnlyList<int[]> Cut(
        ReadOnlySpan<int> ids, int[] first, int[] last, int length, int count)
    {
        var size = length - first.Length - last.Length;
        if (ids.Length < size)
        {
            throw new ArgumentException(
                $"The calibration text has '{ids.Length}' tokens; one part of it has '{length}'. Give a longer text, "
                + "or none: the model then samples its own.", nameof(ids));
        }

        var parts = ids.Length / size;
        var texts = new int[Math.Min(count, parts)][];
        for (var index = 0; index < texts.Length; index++)
        {
            var start = (int)((long)index * parts / texts.Length) * size;
            texts[index] = [.. first, .. ids.Slice(start, size), .. last];
        }

        return texts;
    }
}
