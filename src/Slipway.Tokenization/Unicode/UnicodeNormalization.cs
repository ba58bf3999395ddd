using System.Buffers;
using System.Text;

namespace Slipway.Tokenization.Unicode;

/// <summary>The four normalization forms of Unicode, without ICU.</summary>
/// <remarks>
/// Lone surrogates become U+FFFD. Time is linear in the text, but for runs of marks on one letter, which are sorted.
/// Source: Unicode Standard Annex 15.
/// </remarks>
internal static class UnicodeNormalization
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int Leads = 19, Vowels = 21, Tails = 28, Syllables = Leads * Vowels * Tails;

    // Every character below U+0300 is in form C whatever surrounds it.
    private static readonly SearchValues<char> Composed = SearchValues.Create(
        [.. Enumerable.Range(0, 0x300).Select(i => (char)i)]);

    public static string Normalize(string text, NormalizationForm form)
    {
        var plain = form == NormalizationForm.FormC ? !text.AsSpan().ContainsAnyExcept(Composed) : Ascii.IsValid(text);
        return plain ? text : form == NormalizationForm.FormC ? ComposeRuns(text) : NormalizeWhole(text, form);
    }

    // Only runs of characters that form C may change, or that change others, are taken apart, each with the character
    // before it; most texts have few.
    private static string ComposeRuns(string text)
    {
        var data = NormalizationData.Instance;
        StringBuilder result = new(text.Length + 16);
        var from = 0;
        for (var at = 0; at < text.Length;)
        {
            if (!data.IsUnstable(text[at]))
            {
                at++;
                continue;
            }

            var start = at > from ? at - 1 : at;
            while (at < text.Length && data.IsUnstable(text[at]))
            {
                at++;
            }

            result.Append(text, from, start - from)
                .Append(NormalizeWhole(text[start..at], NormalizationForm.FormC));
            from = at;
        }

        return from == 0 ? text : result.Append(text, from, text.Length - from).ToString();
    }

    private static string NormalizeWhole(string text, NormalizationForm form)
    {
        var compatible = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
        var codes = Decompose(text, compatible);
        if (form is NormalizationForm.FormC or NormalizationForm.FormKC)
        {
            Compose(codes);
        }

        StringBuilder result = new(text.Length + 16);
        foreach (var code in codes)
        {
            AppendCode(result, code);
        }

        return result.ToString();
    }

    private static void AppendCode(StringBuilder result, int code)
    {
        if (code < 0x10000)
        {
            result.Append((char)code);
        }
        else
        {
            result.Append((char)(0xD7C0 + (code >> 10))).Append((char)(0xDC00 | (code & 0x3FF)));
        }
    }

    private static List<int> Decompose(string text, bool compatible)
    {
        var data = NormalizationData.Instance;
        var table = compatible ? data.Compatible : data.Canonical;
        List<int> codes = new(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            int code = rune.Value, syllable = code - HangulBase;
            if (code < 0xA0)
            {
                codes.Add(code);
            }
            else if ((uint)syllable < Syllables)
            {
                codes.Add(LeadBase + (syllable / (Vowels * Tails)));
                codes.Add(VowelBase + (syllable / Tails % Vowels));
                if (syllable % Tails != 0)
                {
                    codes.Add(TailBase + (syllable % Tails));
                }
            }
            else if (table.TryGetValue(code, out var parts))
            {
                codes.AddRange(parts);
            }
            else
            {
                codes.Add(code);
            }
        }

        Order(codes, data);
        return codes;
    }

    // Marks that follow one another are put in the order of their classes; equal classes keep their order.
    private static void Order(List<int> codes, NormalizationData data)
    {
        for (var start = 0; start < codes.Count; start++)
        {
            var end = start;
            var sorted = true;
            for (var last = 0; end < codes.Count && Class(data, codes[end]) is > 0 and var value; end++)
            {
                sorted &= last <= value;
                last = value;
            }

            if (!sorted)
            {
                int[] run = [.. codes[start..end].OrderBy(code => Class(data, code))];
                for (var i = 0; i < run.Length; i++)
                {
                    codes[start + i] = run[i];
                }
            }

            start = end;
        }
    }

    private static void Compose(List<int> codes)
    {
        var data = NormalizationData.Instance;
        int written = 0, starter = -1, lastClass = 0;
        foreach (var code in codes.ToArray())
        {
            var value = Class(data, code);
            var reachable = starter >= 0 && (starter == written - 1 || (lastClass != 0 && lastClass < value));
            if (reachable && TryCompose(data, codes[starter], code, out var composed))
            {
                codes[starter] = composed;
                continue;
            }

            if (value == 0)
            {
                starter = written;
            }

            lastClass = value;
            codes[written++] = code;
        }

        codes.RemoveRange(written, codes.Count - written);
    }

    private static bool TryCompose(NormalizationData data, int first, int second, out int composed)
    {
        int lead = first - LeadBase, vowel = second - VowelBase, syllable = first - HangulBase,
            tail = second - TailBase;
        if ((uint)lead < Leads && (uint)vowel < Vowels)
        {
            composed = HangulBase + (((lead * Vowels) + vowel) * Tails);
            return true;
        }

        if ((uint)syllable < Syllables && syllable % Tails == 0 && tail is > 0 and < Tails)
        {
            composed = first + tail;
            return true;
        }

        return data.Compositions.TryGetValue(NormalizationData.Pair(first, second), out composed);
    }

    private static int Class(NormalizationData data, int code) =>
        code < 0x300 ? 0 : data.CombiningClasses.GetValueOrDefault(code);
}
