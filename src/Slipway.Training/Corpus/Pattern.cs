using System.Text;

namespace Slipway.Training.Corpus;

/// <summary>Reads the grammar's patterns: <c>(turn|switch) on the {room} light[ please]</c>.</summary>
/// <remarks>
/// <c>(a|b)</c> chooses, <c>[a|b]</c> chooses or leaves out, <c>{name}</c> is a slot and stays as it is. Groups nest.
/// </remarks>
internal static class Pattern
{
    private const int MaxDepth = 8;

    /// <summary>Lists every text that a pattern stands for, in a fixed order.</summary>
    /// <exception cref="FormatException">The pattern is malformed, or stands for more than the given
    /// number.</exception>
    public static List<string> Expand(string pattern, int max)
    {
        var position = 0;
        var texts = Alternatives(pattern, ref position, '\0', max, 0);
        return position == pattern.Length
            ? [.. texts.Distinct(StringComparer.Ordinal)]
            : throw new FormatException($"closes a group that is not open at character {position + 1}");
    }

    /// <summary>Lists the slots of a text in their order.</summary>
    public static List<string> Slots(string text)
    {
        var slots = new List<string>();
        for (var open = text.IndexOf('{', StringComparison.Ordinal); open >= 0;)
        {
            var close = text.IndexOf('}', open);
            if (close < 0)
            {
                throw new FormatException($"has a slot without its '}}' at character {open + 1}");
            }

            slots.Add(text[(open + 1)..close]);
            open = text.IndexOf('{', close);
        }

        return slots;
    }

    /// <summary>Puts text into the slots.</summary>
    public static string Fill(string text, Func<string, string> value)
    {
        var filled = new StringBuilder(text.Length + 32);
        for (var at = 0; at < text.Length;)
        {
            var open = text.IndexOf('{', at);
            if (open < 0)
            {
                filled.Append(text, at, text.Length - at);
                break;
            }

            var close = text.IndexOf('}', open);
            filled.Append(text, at, open - at).Append(value(text[(open + 1)..close]));
            at = close + 1;
        }

        return filled.ToString();
    }

    private static List<string> Alternatives(string pattern, ref int position, char end, int max, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"nests groups deeper than {MaxDepth}");
        }

        var all = new List<string>();
        while (true)
        {
            all.AddRange(Sequence(pattern, ref position, max, depth));
            if (all.Count > max)
            {
                throw new FormatException($"stands for more than {max} texts; split it");
            }

            if (position < pattern.Length && pattern[position] == '|')
            {
                position++;
                continue;
            }

            if (end != '\0')
            {
                if (position >= pattern.Length || pattern[position] != end)
                {
                    throw new FormatException($"has a group without its '{end}'");
                }

                position++;
            }

            return all;
        }
    }

    private static List<string> Sequence(string pattern, ref int position, int max, int depth)
    {
        List<string> texts = [""];
        while (position < pattern.Length && pattern[position] is not ('|' or ')' or ']'))
        {
            List<string> next;
            switch (pattern[position])
            {
                case '(':
                    position++;
                    next = Alternatives(pattern, ref position, ')', max, depth + 1);
                    break;
                case '[':
                    position++;
                    next = Alternatives(pattern, ref position, ']', max, depth + 1);
                    next.Add("");
                    break;
                default:
                    var start = position;
                    position = pattern.AsSpan(position).IndexOfAny("()[]|") is var length and >= 0
                        ? position + length
                        : pattern.Length;
                    next = [pattern[start..position]];
                    break;
            }

            if ((long)texts.Count * next.Count > max)
            {
                throw new FormatException($"stands for more than {max} texts; split it");
            }

            texts = [.. texts.SelectMany(_ => next, (head, tail) => head + tail)];
        }

        return texts;
    }
}
