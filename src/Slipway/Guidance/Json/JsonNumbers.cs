using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>Numbers without bounds, of at most 15 digits, which a double holds exactly.</summary>
internal static class JsonNumbers
{
    private static readonly GrammarElement Digits = Repeat(JsonGrammar.Digit, 1, 15);

    private static readonly GrammarElement Whole = Sequence(
        Optional(Literal("-")),
        OneOf(Literal("0"), Sequence(Range('1', '9'), Repeat(JsonGrammar.Digit, 0, 14))));

    /// <summary>Any number.</summary>
    public static GrammarElement Number { get; } = Sequence(
        Whole,
        Optional(Sequence(Literal("."), Digits)),
        Optional(Sequence(AnyOf("eE"), Optional(AnyOf("+-")), Repeat(JsonGrammar.Digit, 1, 2))));

    /// <summary>Any integer.</summary>
    public static GrammarElement Integer { get; } = Whole;
}
