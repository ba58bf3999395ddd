using System.Runtime.CompilerServices;

namespace Slipway.Tokenization.Templates;

/// <summary>Reads expressions, weakest operator first, with Jinja's precedence.</summary>
internal sealed partial class ExpressionParser(TokenReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>An expression, or several with commas between them as a list.</summary>
    public Expression ParseTuple()
    {
        int line = reader.Current.Line;
        Expression first = ParseExpression();
        if (!reader.IsOperator(","))
        {
            return first;
        }

        List<Expression> items = [first];
        while (reader.TakeOperator(",") && !EndsTuple())
        {
            items.Add(ParseExpression());
        }

        return new ListExpression([.. items], line);
    }

    public Expression ParseExpression(bool withConditional = true)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Expression value = ParseOr();
        while (withConditional && reader.Current is { Kind: TokenKind.Name, Value: "if" } token)
        {
            reader.Take();
            Expression test = ParseOr();
            Expression? otherwise = reader.TakeName("else") ? ParseExpression() : null;
            value = new Conditional(test, value, otherwise, token.Line);
        }

        return value;
    }

    public Arguments ParseArguments()
    {
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        reader.ExpectOperator("(");
        while (!reader.TakeOperator(")"))
        {
            if (reader.Current.Kind == TokenKind.Name && reader.Following is { Kind: TokenKind.Operator, Value: "=" })
            {
                string name = reader.Take().Value;
                reader.Take();
                named.Add((name, ParseExpression()));
            }
            else
            {
                int line = reader.Current.Line;
                positional.Add(reader.TakeOperator("*") ? new Spread(ParseExpression(), line) : ParseExpression());
            }

            if (!reader.IsOperator(")"))
            {
                reader.ExpectOperator(",");
            }
        }

        return new Arguments([.. positional], [.. named]);
    }

    /// <summary>One <c>| name(arguments)</c>, whose bar has been read.</summary>
    public Filter ParseFilter(Expression input)
    {
        int line = reader.Current.Line;
        string name = reader.ExpectName();
        return new Filter(input, name, reader.IsOperator("(") ? ParseArguments() : Arguments.None, line);
    }

    private bool EndsTuple() =>
        reader.Current.Kind is TokenKind.BlockEnd or TokenKind.OutputEnd || reader.IsOperator(")") || reader.IsName("in");

    private Expression ParseOr() => ParseLeft(ParseAnd, token => token is { Kind: TokenKind.Name, Value: "or" });

    private Expression ParseAnd() => ParseLeft(ParseNot, token => token is { Kind: TokenKind.Name, Value: "and" });

    private Expression ParseNot()
    {
        if (reader.Current is { Kind: TokenKind.Name, Value: "not" } token)
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            reader.Take();
            return new Unary("not", ParseNot(), token.Line);
        }

        return ParseComparison();
    }

    private Expression ParseComparison()
    {
        int line = reader.Current.Line;
        Expression first = ParseSum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (reader.Current.Kind == TokenKind.Operator && Comparisons.Contains(reader.Current.Value))
            {
                string name = reader.Take().Value;
                rest.Add((name, ParseSum()));
            }
            else if (reader.TakeName("in"))
            {
                rest.Add(("in", ParseSum()));
            }
            else if (reader.IsName("not") && reader.Following is { Kind: TokenKind.Name, Value: "in" })
            {
                reader.Take();
                reader.Take();
                rest.Add(("not in", ParseSum()));
            }
            else
            {
                return rest.Count == 0 ? first : new Comparison(first, [.. rest], line);
            }
        }
    }

    private Expression ParseSum() => ParseLeft(ParseConcatenation, token => IsAny(token, "+", "-"));

    private Expression ParseConcatenation() => ParseLeft(ParseProduct, token => IsAny(token, "~"));

    private Expression ParseProduct() => ParseLeft(ParsePower, token => IsAny(token, "*", "/", "//", "%"));

    private Expression ParsePower() => ParseLeft(() => ParseUnary(), token => IsAny(token, "**"));

    private static bool IsAny(TemplateToken token, params ReadOnlySpan<string> values) =>
        token.Kind == TokenKind.Operator && values.Contains(token.Value);

    private Expression ParseLeft(Func<Expression> operand, Func<TemplateToken, bool> isOperator)
    {
        Expression left = operand();
        while (isOperator(reader.Current))
        {
            TemplateToken token = reader.Take();
            left = new Binary(token.Value, left, operand(), token.Line);
        }

        return left;
    }

    private Expression ParseUnary(bool withFilters = true)
    {
        Expression value;
        if (IsAny(reader.Current, "-", "+"))
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            TemplateToken token = reader.Take();
            value = new Unary(token.Value, ParseUnary(withFilters: false), token.Line);
        }
        else
        {
            value = ParsePostfix(ParsePrimary());
        }

        return withFilters ? ParseFilters(value) : value;
    }

    private Expression ParseFilters(Expression value)
    {
        while (true)
        {
            if (reader.TakeOperator("|"))
            {
                value = ParseFilter(value);
            }
            else if (reader.TakeName("is"))
            {
                value = ParseTest(value);
            }
            else if (reader.IsOperator("("))
            {
                value = ParsePostfix(value);
            }
            else
            {
                return value;
            }
        }
    }

    private Test ParseTest(Expression input)
    {
        int line = reader.Current.Line;
        bool negated = reader.TakeName("not");
        string name = reader.ExpectName();
        if (reader.IsOperator("("))
        {
            return new Test(input, name, ParseArguments().Positional, negated, line);
        }

        bool argument = reader.Current.Kind is TokenKind.Quoted or TokenKind.Integer or TokenKind.Float
            || reader.IsOperator("[") || reader.IsOperator("{")
            || (reader.Current.Kind == TokenKind.Name
                && reader.Current.Value is not ("else" or "or" or "and" or "if" or "is" or "in" or "not"));
        return new Test(input, name, argument ? [ParsePostfix(ParsePrimary())] : [], negated, line);
    }

    private Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            int line = reader.Current.Line;
            if (reader.TakeOperator("."))
            {
                value = reader.Current.Kind == TokenKind.Integer
                    ? new Index(value, new Literal(Integer(reader.Take()), line), line)
                    : new Member(value, reader.ExpectName(), line);
            }
            else if (reader.TakeOperator("["))
            {
                value = new Index(value, ParseSubscript(line), line);
                reader.ExpectOperator("]");
            }
            else if (reader.IsOperator("("))
            {
                value = new Call(value, ParseArguments(), line);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ParseSubscript(int line)
    {
        Expression? start = reader.IsOperator(":") ? null : ParseExpression();
        if (!reader.TakeOperator(":"))
        {
            return start!;
        }

        Expression? stop = reader.IsOperator(":") || reader.IsOperator("]") ? null : ParseExpression();
        Expression? step = reader.TakeOperator(":") && !reader.IsOperator("]") ? ParseExpression() : null;
        return new Slice(start, stop, step, line);
    }
}
