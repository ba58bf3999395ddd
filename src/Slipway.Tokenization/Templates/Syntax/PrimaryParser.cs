using System.Numerics;
using System.Text;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>Reads what operators stand between: literals, names, lists, dictionaries and parentheses.</summary>
internal sealed class PrimaryParser(TokenReader reader, ExpressionParser expressions)
{
    /// <summary>Reads one.</summary>
    public Expression Parse()
    {
        var token = reader.Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Value switch
                {
                    "true" or "True" => new Literal(true, token.Line),
                    "false" or "False" => new Literal(false, token.Line),
                    "none" or "None" => new Literal(null, token.Line),
                    _ => new Variable(token.Value, token.Line),
                };
            case TokenKind.Quoted:
                if (reader.Current.Kind != TokenKind.Quoted)
                {
                    return new Literal(token.Value, token.Line);
                }

                StringBuilder text = new(token.Value);
                while (reader.Current.Kind == TokenKind.Quoted)
                {
                    text.Append(reader.Take().Value);
                }

                return new Literal(text.ToString(), token.Line);
            case TokenKind.Number:
                return new Literal(Number(token), token.Line);
            case TokenKind.Operator when token.Value == "(":
                var inner = expressions.ParseTuple(inParentheses: true);
                reader.ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Value == "[":
                return ParseList(token.Line);
            case TokenKind.Operator when token.Value == "{":
                return ParseDictionary(token.Line);
            default:
                throw new ChatTemplateException(
                    $"found '{Quoted.Short(token.Value)}', expected an expression.", token.Line);
        }
    }

    /// <summary>The value of a number's token.</summary>
    /// <exception cref="ChatTemplateException">The number is too large.</exception>
    public static object Number(TemplateToken token)
    {
        var prefix = token.Value.Length > 1 ? char.ToLowerInvariant(token.Value[1]) : '\0';
        if (prefix is 'x' or 'o' or 'b')
        {
            var radix = prefix switch { 'x' => 16, 'o' => 8, _ => 2 };
            return token.Value.Length > 4300 ? throw TooLarge(token) : Numbers.Normalize(
                token.Value.Skip(2)
                .Aggregate(BigInteger.Zero, (sum, digit) => (sum * radix) + Convert.ToInt32(digit.ToString(), 16)));
        }

        return Numbers.Parse(token.Value) ?? throw TooLarge(token);
    }

    private static ChatTemplateException TooLarge(TemplateToken token) =>
        new($"the number '{Quoted.Short(token.Value)}' is too large.", token.Line);

    private ListExpression ParseList(int line)
    {
        List<Expression> items = [];
        while (!reader.TakeOperator("]"))
        {
            items.Add(expressions.ParseExpression());
            if (!reader.IsOperator("]"))
            {
                reader.ExpectOperator(",");
            }
        }

        return new ListExpression([.. items], line);
    }

    private DictionaryExpression ParseDictionary(int line)
    {
        List<(Expression, Expression)> items = [];
        while (!reader.TakeOperator("}"))
        {
            var key = expressions.ParseExpression();
            reader.ExpectOperator(":");
            items.Add((key, expressions.ParseExpression()));
            if (!reader.IsOperator("}"))
            {
                reader.ExpectOperator(",");
            }
        }

        return new DictionaryExpression([.. items], line);
    }
}
