namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>A position in a template's tokens.</summary>
internal sealed class TokenReader(List<TemplateToken> tokens)
{
    private int _at;

    public TemplateToken Current => tokens[Math.Min(_at, tokens.Count - 1)];

    public TemplateToken Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    /// <summary>The count of tokens that were taken.</summary>
    public int Position => _at;

    public TemplateToken Take() => tokens[Math.Min(_at++, tokens.Count - 1)];

    public bool Is(TokenKind kind, string value) => Current.Kind == kind && Current.Value == value;

    public bool IsOperator(string value) => Is(TokenKind.Operator, value);

    public bool IsName(string value) => Is(TokenKind.Name, value);

    public bool TakeOperator(string value) => TakeIf(IsOperator(value));

    public bool TakeName(string value) => TakeIf(IsName(value));

    public void ExpectOperator(string value)
    {
        if (!TakeOperator(value))
        {
            throw Unexpected($"'{value}'");
        }
    }

    public void Expect(TokenKind kind, string what)
    {
        if (Current.Kind != kind)
        {
            throw Unexpected(what);
        }

        _at++;
    }

    public string ExpectName() => Current.Kind == TokenKind.Name ? Take().Value : throw Unexpected("a name");

    /// <summary>Finds those of some names that stand between a position and the current one.</summary>
    public HashSet<string> NamesSince(int position, params string[] names)
    {
        HashSet<string> found = [];
        for (var i = position; i < _at && found.Count < names.Length; i++)
        {
            if (tokens[i].Kind == TokenKind.Name && names.Contains(tokens[i].Value)
                && tokens[i - 1] is not { Kind: TokenKind.Operator, Value: "." })
            {
                found.Add(tokens[i].Value);
            }
        }

        return found;
    }

    public ChatTemplateException Unexpected(string expected) =>
        new($"found '{Quoted.Short(Current.Value)}', expected {expected}.", Current.Line);

    private bool TakeIf(bool condition)
    {
        _at += condition ? 1 : 0;
        return condition;
    }
}
