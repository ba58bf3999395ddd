using System.Runtime.CompilerServices;
using Slipway.Tokenization.Templates.Filters;
using Slipway.Tokenization.Templates.Methods;
using Slipway.Tokenization.Templates.Syntax;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>Computes expressions.</summary>
internal sealed class Evaluator(Interpreter interpreter)
{
    public object? Evaluate(Expression expression)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Work.At(expression.Line);
        Work.Count();
        switch (expression)
        {
            case Literal literal:
                return literal.Value;
            case Variable variable:
                return interpreter.TryGet(variable.Name, out var value)
                    ? value : new Undefined($"'{Quoted.Short(variable.Name)}' is undefined");
            case ListExpression list:
                return list.Items.Select(Evaluate).ToList();
            case TupleExpression tuple:
                return new TemplateTuple(tuple.Items.Select(Evaluate));
            case DictionaryExpression dictionary:
                return TemplateDictionary.Of(
                    dictionary.Items.Select(item => (Evaluate(item.Key), Evaluate(item.Value))));
            case Unary { Operator: "not" } not:
                return !Truth.Of(Evaluate(not.Operand));
            case Unary unary:
                return Arithmetic.Negate(unary.Operator, Evaluate(unary.Operand));
            case Binary binary:
                return Compute(binary);
            case Comparison comparison:
                return Compare(comparison);
            case Conditional conditional:
                return Truth.Of(Evaluate(conditional.Test)) ? Evaluate(conditional.Then)
                    : conditional.Otherwise is null ? new Undefined("the condition is false and there is no 'else'")
                    : Evaluate(conditional.Otherwise);
            case Member member:
                return Members.Attribute(Evaluate(member.Target), member.Name);
            case Item item:
                return Look(item);
            case Call call:
                return Invoke(Evaluate(call.Target), Evaluate(call.Arguments), call.Line);
            case Filter filter:
                return Apply(filter, Evaluate(filter.Input));
            case Test test:
                var tested = Evaluate(test.Input);
                return TestTable.Holds(test.Name, tested, Evaluate(test.Arguments)) != test.Negated;
            default:
                throw Work.Error("a slice is not expected here.");
        }
    }

    public CallArguments Evaluate(Arguments arguments)
    {
        List<object?> positional = [.. arguments.Positional.Select(Evaluate)];
        Dictionary<string, object?> named = new(StringComparer.Ordinal);
        foreach (var (name, value) in arguments.Named)
        {
            Add(name, Evaluate(value));
        }

        if (arguments.More is { } more)
        {
            var items = Iteration.Of(Evaluate(more));
            Work.Value(items);
            positional.AddRange(items);
        }

        if (arguments.MoreNamed is { } fields)
        {
            var source = Evaluate(fields) as TemplateDictionary
                ?? throw Work.Error("'**' needs a dictionary.");
            foreach (var (key, value) in source.Items)
            {
                Add(key as string ?? throw Work.Error("'**' needs a dictionary with texts as keys."), value);
            }
        }

        return new CallArguments([.. positional], named);

        void Add(string name, object? value)
        {
            if (!named.TryAdd(name, value))
            {
                throw Work.Error($"the argument '{Quoted.Short(name)}' is given twice.");
            }
        }
    }

    public static object? Invoke(object? target, CallArguments arguments, int line)
    {
        Work.At(line);
        var result = target switch
        {
            Callable function => function.Invoke(arguments),
            Undefined undefined => throw Work.Error($"{undefined.Message}, so it cannot be called."),
            _ => throw Work.Error($"{PythonText.ShortRepr(target)} cannot be called."),
        };
        Work.Value(result);
        return result;
    }

    public object? Apply(Filter filter, object? input)
    {
        var arguments = Evaluate(filter.Arguments);
        Work.At(filter.Line);
        return FilterTable.Apply(filter.Name, input, arguments);
    }

    private object? Compute(Binary binary)
    {
        if (binary.Operator is "and" or "or")
        {
            var first = Evaluate(binary.Left);
            return Truth.Of(first) == (binary.Operator == "or") ? first : Evaluate(binary.Right);
        }

        object? left = Evaluate(binary.Left), right = Evaluate(binary.Right);
        Work.At(binary.Line);
        var result = Arithmetic.Compute(binary.Operator, left, right);
        Work.Value(result);
        return result;
    }

    private bool Compare(Comparison comparison)
    {
        var left = Evaluate(comparison.First);
        foreach (var (name, expression) in comparison.Rest)
        {
            var right = Evaluate(expression);
            var holds = name switch
            {
                "==" => Comparing.AreEqual(left, right),
                "!=" => !Comparing.AreEqual(left, right),
                "in" => Comparing.Contains(right, left),
                "not in" => !Comparing.Contains(right, left),
                _ => Comparing.Ordered(name, left, right),
            };
            if (!holds)
            {
                return false;
            }

            left = right;
        }

        return true;
    }

    private object? Look(Item item)
    {
        var target = Evaluate(item.Target);
        if (item.Key is Slice slice)
        {
            return Slicing.Take(target, Bound(slice.Start), Bound(slice.Stop), Bound(slice.Step));
        }

        return Members.Item(target, Evaluate(item.Key));
    }

    private object? Bound(Expression? expression) => expression is null ? null : Evaluate(expression);
}
