namespace Slipway.Tokenization.Templates;

/// <summary>A position in a template's tokens.</summary>
internal sealed class TokenReader(List<TemplateToken> tokens)
{
    private int at;

    public TemplateToken Current => tokens[Math.Min(at, tokens.Count - 1)];

    public TemplateToken Following => tokens[Math.Min(at + 1, tokens.Count - 1)];

    public TemplateToken Take() => tokens[Math.Min(at++, tokens.Count - 1)];

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

        at++;
    }

    public string ExpectName() => Current.Kind == TokenKind.Name ? Take().Value : throw Unexpected("a name");

    public ChatTemplateException Unexpected(string expected) =>
        new($"found '{Current.Value}', expected {expected}.", Current.Line);

    private bool TakeIf(bool condition)
    {
        at += condition ? 1 : 0;
        return condition;
    }
}
