namespace Slipway.Guidance.Gbnf;

/// <summary>Reads context-free grammars in llama.cpp's form, GBNF; the rule <c>root</c> is the answer.</summary>
/// <remarks>Rules must not begin with themselves. Source: llama.cpp's grammars/README.md.</remarks>
internal sealed class GbnfParser
{
    private const int LongestGrammar = 1_000_000;
    private const int DeepestGroup = 100;
    private const int MaxRules = 5_000;

    private readonly Dictionary<string, RuleElement> _rules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _uses = new(StringComparer.Ordinal);
    private readonly HashSet<string> _defined = new(StringComparer.Ordinal);
    private readonly GbnfScanner _scanner;
    private readonly GbnfCharacterReader _characters;
    private int _depth;

    private GbnfParser(GbnfScanner scanner) => (_scanner, _characters) = (scanner, new(scanner));

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

        return new GbnfParser(new(text)).Parse();
    }

    private RuleElement Parse()
    {
        for (_scanner.Skip(newLines: true); !_scanner.AtEnd; _scanner.Skip(newLines: true))
        {
            var start = _scanner.Position;
            var name = _scanner.Name() ?? throw _scanner.Malformed("a rule's name");
            _scanner.Skip(newLines: false);
            if (!_scanner.Take("::="))
            {
                throw _scanner.Malformed("'::='");
            }

            if (!_defined.Add(name))
            {
                _scanner.Position = start;
                throw _scanner.Malformed($"a rule of another name; '{Excerpt.Of(name)}' is there already");
            }

            _scanner.Skip(newLines: true);
            Rule(name).Definition = Choice(isNested: false);
            if (!_scanner.AtLineEnd)
            {
                throw _scanner.Malformed("a line end, or something that can stand in a rule");
            }
        }

        if (_rules.Count > MaxRules)
        {
            throw new NotSupportedException($"The grammar has {_rules.Count} rules; at most {MaxRules} are supported.");
        }

        foreach (var (name, use) in _uses.Where(row => !_defined.Contains(row.Key)))
        {
            _scanner.Position = use;
            throw _scanner.Malformed($"a rule that is defined; '{Excerpt.Of(name)}' is not");
        }

        if (!_defined.Contains("root"))
        {
            throw new ArgumentException(
                "The grammar has no rule 'root'. Add one, 'root ::= …', that stands for the whole answer.");
        }

        if (LeftRecursion.Find(_rules) is { } recursive)
        {
            throw new NotSupportedException(
                $"The grammar's rule '{Excerpt.Of(recursive)}' begins with itself. Write it as a repetition, such as "
                + "'x ::= y (\"+\" y)*'.");
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
        while (_scanner.Take("|"))
        {
            _scanner.Skip(newLines: true);
            choices.Add(Sequence(isNested));
        }

        return GrammarElement.OneOf(choices);
    }

    private GrammarElement Sequence(bool isNested)
    {
        var parts = new List<GrammarElement>();
        while (Part() is { } part)
        {
            _scanner.Skip(isNested);
            parts.Add(Repeated(part));
            _scanner.Skip(isNested);
        }

        // A line that goes on with '|' belongs to the rule.
        var end = _scanner.Position;
        _scanner.Skip(newLines: true);
        _scanner.Position = !_scanner.AtEnd && _scanner.Current == '|' ? _scanner.Position : end;
        return parts.Count == 1 ? parts[0] : GrammarElement.Sequence([.. parts]);
    }

    private GrammarElement? Part()
    {
        if (_scanner.AtEnd)
        {
            return null;
        }

        switch (_scanner.Current)
        {
            case '"':
                _scanner.Position++;
                return _characters.Literal();
            case '[':
                _scanner.Position++;
                return _characters.Class();
            case '.':
                _scanner.Position++;
                return GbnfCharacterReader.Any;
            case '(':
                return Group();
            case '<' or '!':
                throw new NotSupportedException(
                    $"The grammar has a token at {_scanner.Place()}, which is one model's own. Write the token's text "
                    + "in quotes.");
            default:
                var start = _scanner.Position;
                if (_scanner.Name() is not { } name)
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
                $"The grammar has more than {DeepestGroup} groups in each other at {_scanner.Place()}.");
        }

        _scanner.Position++;
        _scanner.Skip(newLines: true);
        var inner = Choice(isNested: true);
        _depth--;
        return _scanner.Take(")") ? inner : throw _scanner.Malformed("')'");
    }

    private GrammarElement Repeated(GrammarElement part)
    {
        if (_scanner.Take("*"))
        {
            return GrammarElement.Repeat(part, 0);
        }

        if (_scanner.Take("+"))
        {
            return GrammarElement.Repeat(part, 1);
        }

        if (_scanner.Take("?"))
        {
            return GrammarElement.Optional(part);
        }

        if (!_scanner.Take("{"))
        {
            return part;
        }

        var min = _scanner.Count();
        var max = !_scanner.Take(",") ? min
            : !_scanner.AtEnd && _scanner.Current == '}' ? (int?)null
            : _scanner.Count();
        return !_scanner.Take("}") ? throw _scanner.Malformed("'}'")
            : max < min ? throw _scanner.Malformed("a count that is not below the first")
            : GrammarElement.Repeat(part, min, max);
    }
}
