using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>Reads expressions, weakest operator first, with Jinja's precedence.</summary>
internal sealed class ExpressionParser(TokenReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>An expression, or several with commas between them as a tuple.</summary>
    /// <param name="withConditional">Takes an 'if' as part of the expression.</param>
    /// <param name="inParentheses">Allows the empty tuple.</param>
    public Expression ParseTuple(bool withConditional = true, bool inParentheses = false)
    {
        var line = reader.Current.Line;
        if (inParentheses && reader.IsOperator(")"))
        {
            return new TupleExpression([], line);
        }

        var first = ParseExpression(withConditional);
        if (!reader.IsOperator(","))
        {
            return first;
        }

        List<Expression> items = [first];
        while (reader.TakeOperator(",") && !EndsTuple())
        {
            items.Add(ParseExpression(withConditional));
        }

        return new TupleExpression([.. items], line);
    }

    public Expression ParseExpression(bool withConditional = true)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var value = ParseOr();
        while (withConditional && reader.Current is { Kind: TokenKind.Name, Value: "if" } token)
        {
            reader.Take();
            var test = ParseOr();
            var otherwise = reader.TakeName("else") ? ParseExpression() : null;
            value = new Conditional(test, value, otherwise, token.Line);
        }

        return value;
    }

    public Arguments ParseArguments()
    {
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? more = null, moreNamed = null;
        reader.ExpectOperator("(");
        while (!reader.TakeOperator(")"))
        {
            if (moreNamed is not null)
            {
                throw reader.Unexpected("')'");
            }

            if (reader.IsOperator("*") && more is null)
            {
                reader.Take();
                more = ParseExpression();
            }
            else if (reader.TakeOperator("**"))
            {
                moreNamed = ParseExpression();
            }
            else if (reader.Current.Kind == TokenKind.Name
                && reader.Following is { Kind: TokenKind.Operator, Value: "=" })
            {
                var name = reader.Take().Value;
                reader.Take();
                named.Add((name, ParseExpression()));
            }
            else if (more is null && named.Count == 0)
            {
                positional.Add(ParseExpression());
            }
            else
            {
                throw reader.Unexpected("an argument with a name");
            }

            if (!reader.IsOperator(")"))
            {
                reader.ExpectOperator(",");
            }
        }

        return new Arguments([.. positional], [.. named], more, moreNamed);
    }

    /// <summary>One <c>| name(arguments)</c>, whose bar has been read.</summary>
    public Filter ParseFilter(Expression input)
    {
        var line = reader.Current.Line;
        var name = ParseDottedName();
        return new Filter(input, name, reader.IsOperator("(") ? ParseArguments() : Arguments.None, line);
    }

    private string ParseDottedName()
    {
        var name = reader.ExpectName();
        while (reader.TakeOperator("."))
        {
            name += "." + reader.ExpectName();
        }

        return name;
    }

    private bool EndsTuple() => reader.Current.Kind is TokenKind.BlockEnd or TokenKind.OutputEnd
        || reader.IsOperator(")") || reader.IsName("recursive");

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
        var line = reader.Current.Line;
        var first = ParseSum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (reader.Current.Kind == TokenKind.Operator && Comparisons.Contains(reader.Current.Value))
            {
                var name = reader.Take().Value;
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
        var left = operand();
        while (isOperator(reader.Current))
        {
            var token = reader.Take();
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
            var token = reader.Take();
            value = new Unary(token.Value, ParseUnary(withFilters: false), token.Line);
        }
        else
        {
            value = ParsePrimary();
        }

        value = ParsePostfix(value);
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
                value = new Call(value, ParseArguments(), reader.Current.Line);
            }
            else
            {
                return value;
            }
        }
    }

    private Test ParseTest(Expression input)
    {
        var line = reader.Current.Line;
        var negated = reader.TakeName("not");
        var name = ParseDottedName();
        if (reader.IsOperator("("))
        {
            return new Test(input, name, ParseArguments(), negated, line);
        }

        if (reader.IsName("is"))
        {
            throw new ChatTemplateException("tests cannot be chained with 'is'.", line);
        }

        var argument = reader.Current.Kind is TokenKind.Quoted or TokenKind.Number
            || reader.IsOperator("[") || reader.IsOperator("{")
            || (reader.Current.Kind == TokenKind.Name
                && reader.Current.Value is not ("else" or "or" or "and" or "if" or "in" or "not" or "recursive"));
        return new Test(
            input, name, argument
                ? Arguments.None with { Positional = [ParsePostfix(ParsePrimary())] } : Arguments.None,
            negated, line);
    }

    private Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            var line = reader.Current.Line;
            if (reader.TakeOperator("."))
            {
                value = reader.Current is { Kind: TokenKind.Number, Value: var digits } && digits.All(char.IsAsciiDigit)
                    ? new Item(value, new Literal(Number(reader.Take()), line), line)
                    : new Member(value, reader.ExpectName(), line);
            }
            else if (reader.TakeOperator("["))
            {
                value = new Item(value, ParseSubscript(line), line);
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
        var first = ParseSlice(line);
        if (!reader.IsOperator(","))
        {
            return first;
        }

        List<Expression> parts = [first];
        while (reader.TakeOperator(","))
        {
            parts.Add(ParseSlice(line));
        }

        return parts.Any(part => part is Slice)
            ? throw new ChatTemplateException("a slice stands beside other keys.", line)
                : new TupleExpression([.. parts], line);
    }

    private Expression ParseSlice(int line)
    {
        var start = reader.IsOperator(":") ? null : ParseExpression();
        if (!reader.TakeOperator(":"))
        {
            return start!;
        }

        bool Ends() => reader.IsOperator("]") || reader.IsOperator(",");
        var stop = reader.IsOperator(":") || Ends() ? null : ParseExpression();
        var step = reader.TakeOperator(":") && !Ends() ? ParseExpression() : null;
        return new Slice(start, stop, step, line);
    }

    private Expression ParsePrimary()
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
                var inner = ParseTuple(inParentheses: true);
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

    private static object Number(TemplateToken token)
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
            var key = ParseExpression();
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
