using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>The formats of texts that can be guaranteed, by their names in JSON schemas.</summary>
internal static class JsonFormats
{
    private static readonly GrammarElement Hex = AnyOf("0123456789abcdef");

    // Days that every month has, so that no date is impossible.
    private static readonly GrammarElement Date = Sequence(
        Two("12", '0', '9'), Two(null, '0', '9'), Literal("-"),
        OneOf(Sequence(Literal("0"), Range('1', '9')), Sequence(Literal("1"), Range('0', '2'))), Literal("-"),
        OneOf(Sequence(Literal("0"), Range('1', '9')), Sequence(Literal("1"), JsonGrammar.Digit), Sequence(Literal("2"), Range('0', '8'))));

    private static readonly GrammarElement Hour =
        OneOf(Sequence(AnyOf("01"), JsonGrammar.Digit), Sequence(Literal("2"), Range('0', '3')));

    private static readonly GrammarElement Sixty = Sequence(Range('0', '5'), JsonGrammar.Digit);

    private static readonly GrammarElement Time = Sequence(
        Hour, Literal(":"), Sixty, Literal(":"), Sixty,
        Optional(Sequence(Literal("."), Repeat(JsonGrammar.Digit, 1, 7))),
        OneOf(Literal("Z"), Sequence(AnyOf("+-"), Sequence(Literal("0"), JsonGrammar.Digit), Literal(":"), Sixty)));

    private static readonly GrammarElement Name =
        Repeat(AnyOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 1, 40);

    private static readonly GrammarElement Host = Sequence(Name, Repeat(Sequence(AnyOf(".-"), Name), 0, 8));

    public static IReadOnlyDictionary<string, GrammarElement> All { get; } = new Dictionary<string, GrammarElement>
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = Sequence(Date, Literal("T"), Time),
        ["uuid"] = Sequence(
            Repeat(Hex, 8, 8), Literal("-"), Repeat(Hex, 4, 4), Literal("-"), Repeat(Hex, 4, 4), Literal("-"), Repeat(Hex, 4, 4),
            Literal("-"), Repeat(Hex, 12, 12)),
        ["email"] = Sequence(Name, Repeat(Sequence(AnyOf(".-_+"), Name), 0, 8), Literal("@"), Host, Literal("."), Letters(2, 10)),
        ["uri"] = Sequence(
            OneOf(Literal("https://"), Literal("http://")), Host, Repeat(Sequence(Literal("/"), Repeat(Segment(), 0, 100)), 0, 20)),
    };

    private static GrammarElement Letters(int least, int most) => Repeat(Range('a', 'z'), least, most);

    private static GrammarElement Segment()
        => AnyOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~");

    private static GrammarElement Two(string? first, char least, char most)
        => Sequence(first is null ? Range(least, most) : AnyOf(first), Range(least, most));
}
