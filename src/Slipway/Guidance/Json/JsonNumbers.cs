using System.Globalization;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>Builds numbers within bounds.</summary>
internal static class JsonNumbers
{
    /// <summary>The largest magnitude of an integer: 15 digits, which a double holds exactly.</summary>
    public const long Largest = 999_999_999_999_999;

    private static readonly GrammarElement Digits = Repeat(JsonGrammar.Digit, 1, 15);

    // A fraction that is not zero: its value lies strictly between two integers.
    private static readonly GrammarElement Fraction =
        Sequence(Literal("."), Repeat(JsonGrammar.Digit, 0, 14), Range('1', '9'));

    /// <summary>Any number.</summary>
    public static GrammarElement Number { get; } = Sequence(
        Integers(-Largest, Largest),
        Optional(Sequence(Literal("."), Digits)),
        Optional(Sequence(AnyOf("eE"), Optional(AnyOf("+-")), Repeat(JsonGrammar.Digit, 1, 2))));

    /// <summary>The integers from one to another.</summary>
    public static GrammarElement Integers(long least, long most)
    {
        var choices = new List<GrammarElement>();
        if (least < 0)
        {
            choices.Add(Sequence(Literal("-"), Naturals(Math.Max(-most, 1), -least)));
        }

        if (most >= 0)
        {
            choices.Add(Naturals(Math.Max(least, 0), most));
        }

        return OneOf(choices);
    }

    /// <summary>The numbers from one integer to another, both included, and those between.</summary>
    public static GrammarElement Numbers(long least, long most)
    {
        var choices = new List<GrammarElement> { Sequence(Integers(least, most), Optional(Literal(".0"))) };
        if (most > 0 && most > least)
        {
            choices.Add(Sequence(Naturals(Math.Max(least, 0), most - 1), Fraction));
        }

        if (least < 0 && most > least)
        {
            choices.Add(Sequence(Literal("-"), Naturals(Math.Max(-most, 0), -least - 1), Fraction));
        }

        return OneOf(choices);
    }

    private static GrammarElement Naturals(long least, long most)
    {
        // One range for each count of digits.
        var choices = new List<GrammarElement>();
        for (long first = 0, last = 9; first <= most; first = last + 1, last = (last * 10) + 9)
        {
            if (last >= least)
            {
                choices.Add(SameLength(Write(Math.Max(first, least)), Write(Math.Min(last, most))));
            }
        }

        return OneOf(choices);
    }

    private static string Write(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static GrammarElement SameLength(string least, string most)
    {
        if (least.Length == 0)
        {
            return Empty;
        }

        var (rest, nines, zeros) = (least.Length - 1, new string('9', least.Length - 1), new string('0', least.Length - 1));
        if (least[0] == most[0])
        {
            return Sequence(Literal(least[..1]), SameLength(least[1..], most[1..]));
        }

        if (least[1..] == zeros && most[1..] == nines)
        {
            return Sequence(Range(least[0], most[0]), Repeat(JsonGrammar.Digit, rest, rest));
        }

        var choices = new List<GrammarElement>
        {
            Sequence(Literal(least[..1]), SameLength(least[1..], nines)),
            Sequence(Literal(most[..1]), SameLength(zeros, most[1..])),
        };
        if (most[0] - least[0] > 1)
        {
            choices.Add(Sequence(
                Range(least[0] + 1, most[0] - 1), Repeat(JsonGrammar.Digit, rest, rest)));
        }

        return OneOf(choices);
    }
}
