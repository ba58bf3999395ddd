using System.Globalization;
using System.Text.RegularExpressions;

namespace Slipway.Tracing.Sizes;

/// <summary>A text that follows from the named sizes.</summary>
/// <param name="Text">The formula, which tells it from others.</param>
/// <param name="IsConstant">Tells whether no size decides it.</param>
/// <param name="Value">Computes it from the sizes, in order.</param>
internal sealed record TextFormula(string Text, bool IsConstant, Func<double[], string> Value);

/// <summary>Finds the formulas of texts by what they were in each run.</summary>
/// <remarks>
/// Whatever made it, a text is its letters around whole numbers, and each number has the formula of sizes that it
/// follows in all runs: <c>"rows 4 of 7"</c> is <c>rows {a} of {b}</c>.
/// </remarks>
internal sealed partial class TextFormulas(SizeFormulas numbers)
{
    private readonly Dictionary<string, TextFormula> _known = new(StringComparer.Ordinal);

    /// <summary>The formula of a text; null where none is known.</summary>
    public TextFormula? Of(string[] runs)
    {
        if (Array.TrueForAll(runs, run => run == runs[0]))
        {
            return new($"'{runs[0]}'", true, _ => runs[0]);
        }

        return _known.GetValueOrDefault(Key(runs)) ?? Fit(runs);
    }

    /// <summary>Adds the formula of a function's result.</summary>
    public void Add(string[] runs, TextFormula formula) => _known.TryAdd(Key(runs), formula);

    private TextFormula? Fit(string[] runs)
    {
        var letters = Array.ConvertAll(runs, run => Digits().Split(run));
        var values = Array.ConvertAll(runs, run => Digits().Matches(run).Select(match => match.Value).ToArray());
        if (!Array.TrueForAll(letters, run => run.AsSpan().SequenceEqual(letters[0])))
        {
            return null;
        }

        List<(SizeFormula Formula, int Width)> parts = [];
        for (var part = 0; part < values[0].Length; part++)
        {
            var texts = Array.ConvertAll(values, run => run[part]);
            var width = Array.Exists(texts, text => text.Length > 1 && text[0] == '0') ? texts[0].Length : 1;
            var formula = numbers.Of(Array.ConvertAll(
                texts, text => double.Parse(text, CultureInfo.InvariantCulture)));
            if (formula.Count == 0 || (width > 1 && Array.Exists(texts, text => text.Length != width)))
            {
                return null;
            }

            parts.Add((formula[0], width));
        }

        return new(
            string.Concat(parts.Select((part, index) => $"{letters[0][index]}{{{part.Formula.Text}}}"))
                + letters[0][^1],
            false,
            sizes => string.Concat(parts.Select((part, index) => letters[0][index]
                + part.Formula.Value(sizes).ToString("F0", CultureInfo.InvariantCulture).PadLeft(part.Width, '0')))
                + letters[0][^1]);
    }

    private static string Key(string[] runs) => string.Join('\0', runs);

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
