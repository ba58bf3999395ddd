using System.Globalization;
using System.Text;

namespace Slipway.Classifiers;

/// <summary>Finds where the characters of a normalized text stand in the original.</summary>
/// <remarks>
/// Normalizers change characters one by one, nearly: each character, with what combines with it, is normalized between
/// two letters, and what that makes is laid beside the normalized text. Where the two differ (white space at the ends,
/// what is put before the whole text) the fewest characters are passed over that let them agree again.
/// </remarks>
internal sealed class TextAlignment
{
    private const int Reach = 16;
    private const string Letter = "a";

    private readonly int[] _starts;
    private readonly int[] _ends;
    private readonly int _length;

    /// <param name="original">The text as it was given.</param>
    /// <param name="normalized">The text as the normalizer leaves it.</param>
    /// <param name="normalize">Normalizes a part.</param>
    public TextAlignment(string original, string normalized, Func<string, string> normalize)
    {
        _length = original.Length;
        (_starts, _ends) = (new int[normalized.Length], new int[normalized.Length]);
        List<(int Start, int End)> sources = [];
        var parts = new StringBuilder();
        Dictionary<string, string> known = new(StringComparer.Ordinal);
        var before = normalize(Letter + Letter)[..^1];
        for (var start = 0; start < original.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(original, start);
            var element = original.Substring(start, length);
            if (!known.TryGetValue(element, out var part))
            {
                known.Add(element, part = Inside(element, before, normalize));
            }

            parts.Append(part);
            sources.AddRange(Enumerable.Repeat((start, start + length), part.Length));
            start += length;
        }

        Align(parts.ToString(), normalized, sources);
    }

    /// <summary>The part of the original that a part of the normalized text was made of.</summary>
    public (int Start, int End) Original(int start, int end)
    {
        if (start >= _starts.Length || start >= end)
        {
            return (_length, _length);
        }

        var last = Math.Min(end, _ends.Length) - 1;
        return (_starts[start], Math.Max(_ends[last], _starts[start]));
    }

    // What a normalizer puts before a text or takes off its ends does not belong to a character inside.
    private static string Inside(string element, string before, Func<string, string> normalize)
    {
        var text = normalize(Letter + element + Letter);
        return text.Length > before.Length && text.StartsWith(before, StringComparison.Ordinal)
            && text.EndsWith(Letter, StringComparison.Ordinal)
            ? text[before.Length..^1] : normalize(element);
    }

    private void Align(string parts, string normalized, List<(int Start, int End)> sources)
    {
        int at = 0, place = 0;
        while (place < normalized.Length)
        {
            if (at < parts.Length && parts[at] == normalized[place])
            {
                (_starts[place], _ends[place]) = sources[at];
                (at, place) = (at + 1, place + 1);
                continue;
            }

            var (skipped, added) = Resume(parts, at, normalized, place);
            at += skipped;

            // What was added has no character of its own.
            var here = at < sources.Count ? sources[at].Start : _length;
            for (; added > 0; added--, place++)
            {
                (_starts[place], _ends[place]) = (here, here);
            }
        }
    }

    // The fewest characters to pass over on both sides until they agree.
    private static (int Skipped, int Added) Resume(string parts, int at, string normalized, int place)
    {
        for (var distance = 1; distance <= 2 * Reach; distance++)
        {
            for (var added = Math.Max(0, distance - Reach); added <= Math.Min(distance, Reach); added++)
            {
                var skipped = distance - added;
                if (at + skipped < parts.Length && place + added < normalized.Length
                    && parts[at + skipped] == normalized[place + added])
                {
                    return (skipped, added);
                }
            }
        }

        return (Math.Min(1, parts.Length - at), 1);
    }
}
