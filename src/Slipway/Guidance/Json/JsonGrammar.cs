using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>Builds the parts of JSON that do not depend on a schema.</summary>
/// <remarks>
/// White space is optional and bounded, so that a model cannot get lost in it; numbers have at most 15 digits and
/// values of no schema at most <see cref="Depth"/> levels, so that every reader takes them. Source: RFC 8259.
/// </remarks>
/// <param name="forbidden">Characters that texts hold only escaped: the first ones of an answer's tags.</param>
internal sealed class JsonGrammar(string forbidden)
{
    public const int Depth = 16;
    private const int DeepestIndent = 40;

    private static readonly GrammarElement Continuation = Range(0x80, 0xBF);
    private static readonly GrammarElement Hex = AnyOf("0123456789abcdefABCDEF");
    private GrammarElement? _character;
    private GrammarElement? _object;
    private GrammarElement? _array;
    private GrammarElement? _any;

    public static GrammarElement Digit { get; } = Range('0', '9');

    public static GrammarElement Null { get; } = Literal("null");

    public static GrammarElement Boolean { get; } = OneOf(Literal("true"), Literal("false"));

    /// <summary>Nothing, or a line end and an indentation.</summary>
    public static GrammarElement Break { get; } = Optional(
        Sequence(Literal("\n"), Repeat(Literal(" "), 0, DeepestIndent)));

    /// <summary>Nothing, a blank, or a line end and an indentation.</summary>
    public static GrammarElement Space { get; } = OneOf(Literal(" "), Break);

    /// <summary>Grammar between two members: a comma, then nothing, a blank or a new line.</summary>
    public static GrammarElement Comma { get; } = Sequence(Literal(","), OneOf(Literal(" "), Break));

    public static GrammarElement Colon { get; } = Sequence(Literal(":"), Optional(Literal(" ")));

    /// <summary>One character of a text, plain or escaped; half a surrogate pair is none.</summary>
    public GrammarElement Character => _character ??= OneOf(
        new BytesElement(Enumerable.Range(0x20, 0x60).Select(value => (byte)value)
            .Where(value => value is not ((byte)'"' or (byte)'\\' or 0x7F) && !forbidden.Contains((char)value))),
        Sequence(Range(0xC2, 0xDF), Continuation),
        Sequence(Byte(0xE0), Range(0xA0, 0xBF), Continuation),
        Sequence(OneOf(Range(0xE1, 0xEC), Range(0xEE, 0xEF)), Continuation, Continuation),
        Sequence(Byte(0xED), Range(0x80, 0x9F), Continuation),
        Sequence(Byte(0xF0), Range(0x90, 0xBF), Continuation, Continuation),
        Sequence(Range(0xF1, 0xF3), Continuation, Continuation, Continuation),
        Sequence(Byte(0xF4), Range(0x80, 0x8F), Continuation, Continuation),
        Sequence(Literal("\\"), AnyOf("\"\\/bfnrt")),
        Sequence(Literal("\\u"), AnyOf("0123456789abcefABCEF"), Hex, Hex, Hex),
        Sequence(Literal("\\u"), AnyOf("dD"), Range('0', '7'), Hex, Hex));

    /// <summary>Any value.</summary>
    public GrammarElement Any => _any ??= AnyValue();

    /// <summary>Any array.</summary>
    public GrammarElement AnyArray => _array ??= ArrayOf(AnyValue(Depth - 1), 0, null);

    /// <summary>Any object.</summary>
    public GrammarElement AnyObject => _object ??= ObjectOf(AnyValue(Depth - 1));

    /// <summary>A text of a length.</summary>
    public GrammarElement TextOf(int min, int? max) => Quoted(Repeat(Character, min, max));

    /// <summary>Any value of so many levels.</summary>
    private GrammarElement AnyValue(int depth = Depth)
    {
        GrammarElement[] plain = [Null, Boolean, JsonNumbers.Number, TextOf(0, null)];
        var value = OneOf(plain);
        for (var level = 0; level < depth; level++)
        {
            value = OneOf([.. plain, ArrayOf(value, 0, null), ObjectOf(value)]);
        }

        return value;
    }

    /// <summary>An array of a length.</summary>
    private static GrammarElement ArrayOf(GrammarElement item, int min, int? max)
    {
        if (max == 0)
        {
            return Literal("[]");
        }

        var items = Sequence(
            Break, item, Repeat(Sequence(Comma, item), Math.Max(min - 1, 0), max - 1), Break, Literal("]"));
        return Sequence(Literal("["), min == 0 ? OneOf(Literal("]"), items) : items);
    }

    /// <summary>An object with names of any kind.</summary>
    private GrammarElement ObjectOf(GrammarElement value)
    {
        var member = Sequence(TextOf(0, null), Colon, value);
        return Sequence(
            Literal("{"),
            OneOf(Literal("}"), Sequence(Break, member, Repeat(Sequence(Comma, member), 0), Break, Literal("}"))));
    }

    public static GrammarElement Quoted(GrammarElement content) => Sequence(Literal("\""), content, Literal("\""));

    private static BytesElement Byte(byte value) => BytesElement.Of(value);
}
