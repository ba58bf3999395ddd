using System.Globalization;

namespace Slipway.Tokenization.Templates;

// What expressions are made of: names, literals, lists and dictionaries.
internal sealed partial class ExpressionParser
{
    private Expression ParsePrimary()
    {
        TemplateToken token = reader.Take();
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
                string text = token.Value;
                while (reader.Current.Kind == TokenKind.Quoted)
                {
                    text += reader.Take().Value;
                }

                return new Literal(text, token.Line);
            case TokenKind.Integer:
                return new Literal(Integer(token), token.Line);
            case TokenKind.Float:
                return new Literal(double.Parse(token.Value, CultureInfo.InvariantCulture), token.Line);
            case TokenKind.Operator when token.Value == "(":
                Expression inner = reader.IsOperator(")") ? new ListExpression([], token.Line) : ParseTuple();
                reader.ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Value == "[":
                return ParseList(token.Line);
            case TokenKind.Operator when token.Value == "{":
                return ParseDictionary(token.Line);
            default:
                throw new ChatTemplateException($"found '{token.Value}', expected an expression.", token.Line);
        }
    }

    private static long Integer(TemplateToken token) =>
        long.TryParse(token.Value, CultureInfo.InvariantCulture, out long value)
            ? value : throw new ChatTemplateException($"the number '{token.Value}' is too large.", token.Line);

    private ListExpression ParseList(int line)
    {
        List<Expression> items = [];
        while (!reader.TakeOperator("]"))
        {
            items.Add(ParseExpression());
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
            Expression key = ParseExpression();
            reader.ExpectOperator(":");
            items.Add((key, ParseExpression()));
            if (!reader.IsOperator("}"))
            {
                reader.ExpectOperator(",");
            }
        }

        return new DictionaryExpression([.. items], line);
    }
}
