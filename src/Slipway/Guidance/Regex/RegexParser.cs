using System.Globalization;
using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Regex;

/// <summary>Reads regular expressions as ECMAScript writes them, without what no finite automaton can follow.</summary>
/// <remarks>
/// Lazy quantifiers are read as greedy ones: the texts are the same. Source: ECMA-262, its Unicode mode.
/// </remarks>
internal sealed partial class RegexParser
{
    public const int LongestPattern = 10_000;
    public const int MaxRepetitions = 10_000;
    private const int DeepestGroup = 100;

    private readonly string _pattern;
    private int _at;
    private int _depth;

    private RegexParser(string pattern) => _pattern = pattern;

    private bool AtEnd => _at == _pattern.Length;

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="NotSupportedException">It has look-around, back-references or another such part.</exception>
    /// <exception cref="ArgumentException">It is malformed.</exception>
    public static RegexNode Parse(string pattern)
    {
        if (pattern.Length > LongestPattern)
        {
            throw new NotSupportedException(
                $"The regular expression has {pattern.Length} characters; at most {LongestPattern} are supported.");
        }

        var parser = new RegexParser(pattern);
        var node = parser.Choice();
        return parser.AtEnd ? node : throw parser.Malformed("a group that was opened before ')'");
    }

    private RegexNode Choice()
    {
        var choices = new List<RegexNode> { Sequence() };
        while (Take('|'))
        {
            choices.Add(Sequence());
        }

        return choices.Count == 1 ? choices[0] : new RegexChoice(choices);
    }

    private RegexNode Sequence()
    {
        var parts = new List<RegexNode>();
        while (!AtEnd && _pattern[_at] is not ('|' or ')'))
        {
            parts.Add(Quantified(Atom()));
        }

        return parts.Count == 1 ? parts[0] : new RegexSequence(parts);
    }

    private RegexNode Atom()
    {
        var start = _at;
        switch (_pattern[_at++])
        {
            case '(':
                return Group();
            case '[':
                return new RegexCharacter(Class());
            case '.':
                return new RegexCharacter(RegexClasses.Dot);
            case '^':
                return new RegexAnchor(IsStart: true);
            case '$':
                return new RegexAnchor(IsStart: false);
            case '\\':
                return Escaped();
            case '*' or '+' or '?' or ']' or '{' or '}':
                _at = start;
                throw Malformed("something to repeat, or an escape, before it");
            default:
                _at = start;
                return new RegexCharacter(CharacterSet.Of(Literal()));
        }
    }

    private RegexNode Group()
    {
        if (++_depth > DeepestGroup)
        {
            throw new NotSupportedException(
                $"The regular expression has more than {DeepestGroup} groups in each other.");
        }

        if (Take("?"))
        {
            if (Take("=") || Take("!"))
            {
                throw Refused("a look-ahead");
            }

            if (Take("<=") || Take("<!"))
            {
                throw Refused("a look-behind");
            }

            if (Take("<"))
            {
                var end = _pattern.IndexOf('>', _at);
                _at = end > _at ? end + 1 : throw Malformed("a group's name and '>'");
            }
            else if (!Take(":"))
            {
                throw Take(">") ? Refused("an atomic group") : Refused("an inline option or a condition");
            }
        }

        var inner = Choice();
        _depth--;
        return Take(')') ? inner : throw Malformed("')'");
    }

    private RegexNode Quantified(RegexNode node)
    {
        if (!AtEnd && Quantifier() is { } times)
        {
            if (node is RegexAnchor)
            {
                throw Malformed("something that can be repeated before the quantifier");
            }

            if (Take('+'))
            {
                throw Refused("a possessive quantifier");
            }

            Take('?');
            node = new RegexRepeat(node, times.Least, times.Most);
        }

        return node;
    }

    private (int Least, int? Most)? Quantifier()
    {
        if (Take('*'))
        {
            return (0, null);
        }

        if (Take('+'))
        {
            return (1, null);
        }

        if (Take('?'))
        {
            return (0, 1);
        }

        if (!Take('{'))
        {
            return null;
        }

        var min = Count();
        var max = !Take(',') ? min : !AtEnd && _pattern[_at] == '}' ? (int?)null : Count();
        return !Take('}') ? throw Malformed("'}'")
            : max < min ? throw Malformed("a count that is not below the first")
            : (min, max);
    }

    private int Count()
    {
        var start = _at;
        while (!AtEnd && char.IsAsciiDigit(_pattern[_at]))
        {
            _at++;
        }

        var digits = _pattern[start.._at];
        if (digits.Length == 0)
        {
            throw Malformed("a count of repetitions");
        }

        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count <= MaxRepetitions
            ? count
            : throw new NotSupportedException(
                $"The regular "
                + $"expression '{Excerpt.Of(_pattern)}' repeats a "
                + $"part '{Excerpt.Of(digits)}' times; at most {MaxRepetitions} are supported.");
    }

    private RegexCharacter Escaped()
    {
        if (AtEnd)
        {
            throw Malformed("a character after '\\'");
        }

        return _pattern[_at] switch
        {
            'b' or 'B' => throw Refused("a word boundary"),
            >= '1' and <= '9' or 'k' => throw Refused("a back-reference"),
            _ => new RegexCharacter(EscapedSet()),
        };
    }

    private int Literal()
    {
        var isPair = char.IsHighSurrogate(_pattern[_at]) && _at + 1 < _pattern.Length
            && char.IsLowSurrogate(_pattern[_at + 1]);
        var value = isPair ? char.ConvertToUtf32(_pattern, _at) : _pattern[_at];
        _at += isPair ? 2 : 1;
        return value;
    }

    private bool Take(char expected)
    {
        var isNext = !AtEnd && _pattern[_at] == expected;
        _at += isNext ? 1 : 0;
        return isNext;
    }

    private bool Take(string expected)
    {
        var isNext = string.CompareOrdinal(_pattern, _at, expected, 0, expected.Length) == 0;
        _at += isNext ? expected.Length : 0;
        return isNext;
    }

    private NotSupportedException Refused(string what)
        => new(
            $"The regular "
            + $"expression '{Excerpt.Of(_pattern)}' has {what} before position {_at}, which token masks cannot "
            + $"follow. Write it "
            + "without, and check the rest in your code.");

    private ArgumentException Malformed(string expected)
        => new($"The regular expression '{Excerpt.Of(_pattern)}' is malformed at position {_at}; expected {expected}.");
}
