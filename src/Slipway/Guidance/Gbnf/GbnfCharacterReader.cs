using System.Text;
using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Gbnf;

/// <summary>Reads the texts and the sets of characters of a grammar.</summary>
internal sealed class GbnfCharacterReader(GbnfScanner scanner)
{
    /// <summary>Any one character.</summary>
    public static GrammarElement Any => One(CharacterSet.All);

    private static GrammarElement One(CharacterSet set)
        => PatternElement.Of(new(CharacterAutomaton.Of(set)), CharacterForm.Plain);

    /// <summary>Reads a text after its opening quote.</summary>
    public GrammarElement Literal()
    {
        var text = new StringBuilder();
        while (!scanner.Take("\""))
        {
            text.Append(char.ConvertFromUtf32(Character("'\"'")));
        }

        return GrammarElement.Literal(text.ToString());
    }

    /// <summary>Reads a class after its opening bracket.</summary>
    public GrammarElement Class()
    {
        var isNegated = scanner.Take("^");
        var ranges = new List<(int First, int Last)>();
        while (!scanner.Take("]"))
        {
            var first = Character("']'");
            var last = !scanner.AtEnd && scanner.Current == '-' && scanner.IsFollowedByOtherThan(']')
                ? Later(first) : first;
            ranges.Add((first, last));
        }

        var rest = CharacterSet.Of(ranges).Complement();
        var set = isNegated ? rest : rest.Complement();
        return set.Ranges.Count > 0
            ? One(set) : throw scanner.Malformed("at least one character in the brackets before it");
    }

    private int Later(int first)
    {
        scanner.Position++;
        var last = Character("']'");
        return last >= first ? last : throw scanner.Malformed("a range from a character to a later one");
    }

    private int Character(string end)
    {
        if (scanner.AtLineEnd)
        {
            throw scanner.Malformed(end);
        }

        if (!scanner.Take("\\"))
        {
            return scanner.NextRune();
        }

        var escape = scanner.AtEnd ? '\0' : scanner.Next();
        return escape switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => scanner.Hex(2),
            'u' => scanner.Hex(4),
            'U' => scanner.Hex(8),
            '"' or '\\' or '[' or ']' or '-' or '^' or '/' or '.' => escape,
            _ => throw scanner.Malformed("an escape that is known before it"),
        };
    }
}
