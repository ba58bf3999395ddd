using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Regex;

/// <summary>Reads regular expressions as ECMAScript writes them, without what no finite automaton can follow.</summary>
/// <remarks>
/// Lazy quantifiers are read as greedy ones: the texts are the same. Source: ECMA-262, its Unicode mode.
/// </remarks>
internal sealed class RegexParser
{
    public const int LongestPattern = 10_000;
    private const int DeepestGroup = 100;

    private readonly RegexScanner _scanner;
    private readonly RegexClassReader _classes;
    private int _depth;

    private RegexParser(RegexScanner scanner) => (_scanner, _classes) = (scanner, new(scanner));

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

        var parser = new RegexParser(new(pattern));
        var node = parser.Choice();
        return parser._scanner.AtEnd ? node : throw parser._scanner.Malformed("a group that was opened before ')'");
    }

    private RegexNode Choice()
    {
        var choices = new List<RegexNode> { Sequence() };
        while (_scanner.Take('|'))
        {
            choices.Add(Sequence());
        }

        return choices.Count == 1 ? choices[0] : new RegexChoice(choices);
    }

    private RegexNode Sequence()
    {
        var parts = new List<RegexNode>();
        while (!_scanner.AtEnd && _scanner.Current is not ('|' or ')'))
        {
            parts.Add(Quantified(Atom()));
        }

        return parts.Count == 1 ? parts[0] : new RegexSequence(parts);
    }

    private RegexNode Atom()
    {
        var start = _scanner.Position;
        switch (_scanner.Next())
        {
            case '(':
                return Group();
            case '[':
                return new RegexCharacter(_classes.Class());
            case '.':
                return new RegexCharacter(RegexClasses.Dot);
            case '^':
                return new RegexAnchor(IsStart: true);
            case '$':
                return new RegexAnchor(IsStart: false);
            case '\\':
                return Escaped();
            case '*' or '+' or '?' or ']' or '{' or '}':
                _scanner.Position = start;
                throw _scanner.Malformed("something to repeat, or an escape, before it");
            default:
                _scanner.Position = start;
                return new RegexCharacter(CharacterSet.Of(_scanner.Literal()));
        }
    }

    private RegexNode Group()
    {
        if (++_depth > DeepestGroup)
        {
            throw new NotSupportedException(
                $"The regular expression has more than {DeepestGroup} groups in each other.");
        }

        if (_scanner.Take("?"))
        {
            if (_scanner.Take("=") || _scanner.Take("!"))
            {
                throw _scanner.Refused("a look-ahead");
            }

            if (_scanner.Take("<=") || _scanner.Take("<!"))
            {
                throw _scanner.Refused("a look-behind");
            }

            if (_scanner.Take("<"))
            {
                _ = _scanner.TakeUntil('>') ?? throw _scanner.Malformed("a group's name and '>'");
            }
            else if (!_scanner.Take(":"))
            {
                throw _scanner.Refused(_scanner.Take(">") ? "an atomic group" : "an inline option or a condition");
            }
        }

        var inner = Choice();
        _depth--;
        return _scanner.Take(')') ? inner : throw _scanner.Malformed("')'");
    }

    private RegexNode Quantified(RegexNode node)
    {
        if (!_scanner.AtEnd && Quantifier() is { } times)
        {
            if (node is RegexAnchor)
            {
                throw _scanner.Malformed("something that can be repeated before the quantifier");
            }

            if (_scanner.Take('+'))
            {
                throw _scanner.Refused("a possessive quantifier");
            }

            _scanner.Take('?');
            node = new RegexRepeat(node, times.Least, times.Most);
        }

        return node;
    }

    private (int Least, int? Most)? Quantifier()
    {
        if (_scanner.Take('*'))
        {
            return (0, null);
        }

        if (_scanner.Take('+'))
        {
            return (1, null);
        }

        if (_scanner.Take('?'))
        {
            return (0, 1);
        }

        if (!_scanner.Take('{'))
        {
            return null;
        }

        var min = _scanner.Count();
        var max = !_scanner.Take(',') ? min
            : !_scanner.AtEnd && _scanner.Current == '}' ? (int?)null
            : _scanner.Count();
        return !_scanner.Take('}') ? throw _scanner.Malformed("'}'")
            : max < min ? throw _scanner.Malformed("a count that is not below the first")
            : (min, max);
    }

    private RegexCharacter Escaped()
    {
        if (_scanner.AtEnd)
        {
            throw _scanner.Malformed("a character after '\\'");
        }

        return _scanner.Current switch
        {
            'b' or 'B' => throw _scanner.Refused("a word boundary"),
            >= '1' and <= '9' or 'k' => throw _scanner.Refused("a back-reference"),
            _ => new RegexCharacter(_classes.EscapedSet()),
        };
    }
}
