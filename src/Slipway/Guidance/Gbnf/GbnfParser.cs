using System.Globalization;

namespace Slipway.Guidance.Gbnf;

/// <summary>Reads context-free grammars in llama.cpp's form, GBNF; the rule <c>root</c> is the answer.</summary>
/// <remarks>Rules must not begin with themselves. Source: llama.cpp's grammars/README.md.</remarks>
internal sealed partial class GbnfParser
{
    private const int LongestGrammar = 1_000_000;
    private const int DeepestGroup = 100;
    private const int MaxRepetitions = 2_000;
    private const int MaxRules = 5_000;

    private readonly Dictionary<string, RuleElement> _rules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _uses = new(StringComparer.Ordinal);
    private readonly HashSet<string> _defined = new(StringComparer.Ordinal);
    private readonly string _text;
    private int _at;
    private int _depth;

    private GbnfParser(string text) => _text = text;

    /// <summary>Reads a grammar.</summary>
    /// <exception cref="NotSupportedException">It has a part that masks cannot follow, such as a left
    /// recursion.</exception>
    /// <exception cref="ArgumentException">It is malformed, or no text satisfies it.</exception>
    public static GrammarElement Parse(string text)
    {
        if (text.Length > LongestGrammar)
        {
            throw new NotSupportedException(
                $"The grammar has {text.Length} characters; at most {LongestGrammar} are supported.");
        }

        return new GbnfParser(text).Parse();
    }

    private RuleElement Parse()
    {
        for (Skip(newLines: true); _at < _text.Length; Skip(newLines: true))
        {
            var start = _at;
            var name = Name() ?? throw Malformed("a rule's name");
            Skip(newLines: false);
            if (!Take("::="))
            {
                throw Malformed("'::='");
            }

            if (!_defined.Add(name))
            {
                _at = start;
                throw Malformed($"a rule of another name; '{Excerpt.Of(name)}' is there already");
            }

            Skip(newLines: true);
            Rule(name).Definition = Choice(isNested: false);
            if (_at < _text.Length && _text[_at] is not ('\n' or '\r'))
            {
                throw Malformed("a line end, or something that can stand in a rule");
            }
        }

        if (_rules.Count > MaxRules)
        {
            throw new NotSupportedException($"The grammar has {_rules.Count} rules; at most {MaxRules} are supported.");
        }

        foreach (var (name, use) in _uses.Where(row => !_defined.Contains(row.Key)))
        {
            _at = use;
            throw Malformed($"a rule that is defined; '{Excerpt.Of(name)}' is not");
        }

        if (!_defined.Contains("root"))
        {
            throw new ArgumentException(
                "The grammar has no rule 'root'. Add one, 'root ::= …', that stands for the whole answer.");
        }

        if (LeftRecursion.Find(_rules) is { } recursive)
        {
            throw new NotSupportedException(
                $"The grammar's "
                + $"rule '{Excerpt.Of(recursive)}' begins with itself. Write it as a repetition, such as 'x ::= y "
                + $"(\"+\" y)*'.");
        }

        return _rules["root"];
    }

    private RuleElement Rule(string name)
    {
        if (!_rules.TryGetValue(name, out var rule))
        {
            _rules[name] = rule = new();
        }

        return rule;
    }

    private GrammarElement Choice(bool isNested)
    {
        var choices = new List<GrammarElement> { Sequence(isNested) };
        while (Take("|"))
        {
            Skip(newLines: true);
            choices.Add(Sequence(isNested));
        }

        return GrammarElement.OneOf(choices);
    }

    private GrammarElement Sequence(bool isNested)
    {
        var parts = new List<GrammarElement>();
        while (Part() is { } part)
        {
            Skip(isNested);
            parts.Add(Repeated(part));
            Skip(isNested);
        }

        // A line that goes on with '|' belongs to the rule.
        var end = _at;
        Skip(newLines: true);
        _at = _at < _text.Length && _text[_at] == '|' ? _at : end;
        return parts.Count == 1 ? parts[0] : GrammarElement.Sequence([.. parts]);
    }

    private GrammarElement? Part()
    {
        if (_at == _text.Length)
        {
            return null;
        }

        switch (_text[_at])
        {
            case '"':
                _at++;
                return Literal();
            case '[':
                _at++;
                return One(Class());
            case '.':
                _at++;
                return One(Characters.CharacterSet.All);
            case '(':
                return Group();
            case '<' or '!':
                throw new NotSupportedException(
                    $"The grammar has a token at {Place()}, which is one model's own. Write the token's text in quotes.");
            default:
                var start = _at;
                if (Name() is not { } name)
                {
                    return null;
                }

                _uses.TryAdd(name, start);
                return Rule(name);
        }
    }

    private GrammarElement Group()
    {
        if (++_depth > DeepestGroup)
        {
            throw new NotSupportedException(
                $"The grammar has more than {DeepestGroup} groups in each other at {Place()}.");
        }

        _at++;
        Skip(newLines: true);
        var inner = Choice(isNested: true);
        _depth--;
        return Take(")") ? inner : throw Malformed("')'");
    }

    private GrammarElement Repeated(GrammarElement part)
    {
        if (Take("*"))
        {
            return GrammarElement.Repeat(part, 0);
        }

        if (Take("+"))
        {
            return GrammarElement.Repeat(part, 1);
        }

        if (Take("?"))
        {
            return GrammarElement.Optional(part);
        }

        if (!Take("{"))
        {
            return part;
        }

        var min = Count();
        var max = !Take(",") ? min : _at < _text.Length && _text[_at] == '}' ? (int?)null : Count();
        return !Take("}") ? throw Malformed("'}'")
            : max < min ? throw Malformed("a count that is not below the first")
            : GrammarElement.Repeat(part, min, max);
    }

    private int Count()
    {
        var start = _at;
        while (_at < _text.Length && char.IsAsciiDigit(_text[_at]))
        {
            _at++;
        }

        var digits = _text[start.._at];
        if (digits.Length == 0)
        {
            throw Malformed("a count of repetitions");
        }

        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count <= MaxRepetitions
            ? count
            : throw new NotSupportedException(
                $"The grammar repeats a "
                + $"part '{Excerpt.Of(digits)}' times at {Place()}; at most {MaxRepetitions} are supported.");
    }

    private string? Name()
    {
        var start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '-' or '_'))
        {
            _at++;
        }

        return _at > start ? _text[start.._at] : null;
    }

    private void Skip(bool newLines)
    {
        for (; _at < _text.Length; _at++)
        {
            if (_text[_at] == '#')
            {
                var end = _text.AsSpan(_at).IndexOfAny('\r', '\n');
                _at = end < 0 ? _text.Length : _at + end;
            }

            if (_at == _text.Length || !(_text[_at] is ' ' or '\t' || (newLines && _text[_at] is '\r' or '\n')))
            {
                return;
            }
        }
    }

    private bool Take(string expected)
    {
        var isNext = string.CompareOrdinal(_text, _at, expected, 0, expected.Length) == 0;
        _at += isNext ? expected.Length : 0;
        return isNext;
    }

    private string Place()
    {
        var before = _text.AsSpan(0, _at);
        return string.Create(
            CultureInfo.InvariantCulture, $"line {before.Count('\n') + 1}, column {_at - before.LastIndexOf('\n')}");
    }

    private ArgumentException Malformed(string expected)
        => new($"The grammar is malformed at {Place()}; expected {expected}.");
}
