using System.Runtime.CompilerServices;

namespace Slipway.Tokenization.Templates;

/// <summary>Computes expressions.</summary>
internal sealed class Evaluator(Interpreter interpreter)
{
    private static readonly string[] Ascii = [.. Enumerable.Range(0, 128).Select(code => ((char)code).ToString())];

    public object? Evaluate(Expression expression)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Work.At(expression.Line);
        Work.Count();
        return expression switch
        {
            Literal literal => literal.Value,
            Variable variable => interpreter.TryGet(variable.Name, out object? value)
                ? value : new Undefined($"'{variable.Name}' is undefined"),
            ListExpression list => list.Items.Select(Evaluate).ToList(),
            DictionaryExpression dictionary => Dictionary(dictionary),
            Unary unary => Negate(unary),
            Binary binary => Compute(binary),
            Comparison comparison => Compare(comparison),
            Conditional conditional => Values.IsTrue(Evaluate(conditional.Test)) ? Evaluate(conditional.Then)
                : conditional.Otherwise is null ? new Undefined("the condition is false and there is no 'else'")
                : Evaluate(conditional.Otherwise),
            Member member => Attribute(Evaluate(member.Target), member.Name, member.Line),
            Index index => Subscript(index),
            Call call => Invoke(call.Target, Arguments(call.Arguments, call.Line)),
            Filter filter => Apply(filter, Evaluate(filter.Input)),
            Test test => RunTest(test),
            _ => throw new ChatTemplateException("a slice or a spread is not expected here.", expression.Line),
        };
    }

    public CallArguments Arguments(Arguments arguments, int line) => new(
        [.. arguments.Positional.SelectMany(item =>
            item is Spread spread ? Iterate(Evaluate(spread.Items), line) : [Evaluate(item)])],
        Named(arguments.Named, line), line);

    public object? Invoke(Expression target, CallArguments arguments)
    {
        object? value = Evaluate(target);
        return value switch
        {
            Callable function => Counted(function.Invoke(arguments)),
            Undefined undefined => throw arguments.Error($"{undefined.What}, so it cannot be called."),
            _ => throw arguments.Error($"{Python.Repr(value)} cannot be called."),
        };
    }

    public object? Apply(Filter filter, object? input)
    {
        Work.Value(input);
        return Filters.All.TryGetValue(filter.Name, out Func<object?, CallArguments, object?>? function)
            ? Counted(function(input, Arguments(filter.Arguments, filter.Line)))
            : throw new ChatTemplateException($"there is no filter '{filter.Name}'.", filter.Line);
    }

    /// <summary>The items of a list, the keys of a dictionary, the characters of a string; none of what is undefined.</summary>
    public static List<object?> Iterate(object? value, int line) => value switch
    {
        List<object?> list => list,
        OrderedDictionary<string, object?> fields => [.. fields.Keys],
        string text => Characters(text),
        Undefined => [],
        _ => throw new ChatTemplateException($"{Python.Repr(value)} cannot be iterated.", line),
    };

    public static string Concatenated(string left, string right)
    {
        Work.Characters((long)left.Length + right.Length);
        return left + right;
    }

    /// <summary>The text, after counting the search in it.</summary>
    public static string Searched(string text, string part)
    {
        Work.Search(text.Length, part.Length);
        return text;
    }

    /// <summary>A method of the value, or the entry of that name; undefined where there is neither.</summary>
    public static object? Attribute(object? target, string name, int line)
    {
        if (target is Undefined undefined)
        {
            throw new ChatTemplateException($"{undefined.What}, so it has no '{name}'.", line);
        }

        if (Methods.Find(target, name) is { } method)
        {
            return method;
        }

        return target switch
        {
            OrderedDictionary<string, object?> fields when fields.TryGetValue(name, out object? value) => value,
            Namespace space when space.Attributes.TryGetValue(name, out object? value) => value,
            _ => new Undefined($"the attribute '{name}' is undefined"),
        };
    }

    private static object? Counted(object? value)
    {
        Work.Value(value);
        return value;
    }

    private static List<object?> Characters(string text)
    {
        Work.Count(1 + (text.Length / 4));
        return [.. text.EnumerateRunes().Select(rune => (object?)(rune.IsAscii ? Ascii[rune.Value] : rune.ToString()))];
    }

    private Dictionary<string, object?> Named((string Name, Expression Value)[] arguments, int line)
    {
        Dictionary<string, object?> result = new(StringComparer.Ordinal);
        foreach ((string name, Expression value) in arguments)
        {
            if (!result.TryAdd(name, Evaluate(value)))
            {
                throw new ChatTemplateException($"the argument '{name}' is given twice.", line);
            }
        }

        return result;
    }

    private OrderedDictionary<string, object?> Dictionary(DictionaryExpression dictionary)
    {
        OrderedDictionary<string, object?> result = [];
        foreach ((Expression key, Expression value) in dictionary.Items)
        {
            result[Python.Str(Evaluate(key))] = Evaluate(value);
        }

        return result;
    }

    private object? Negate(Unary unary)
    {
        object? value = Evaluate(unary.Operand);
        return (unary.Operator, value) switch
        {
            ("not", _) => !Values.IsTrue(value),
            ("-", long number) => unchecked(-number),
            ("-", double number) => -number,
            ("+", long or double) => value,
            _ => throw new ChatTemplateException($"'{unary.Operator}' needs a number, not {Python.Repr(value)}.", unary.Line),
        };
    }

    private object? Compute(Binary binary)
    {
        if (binary.Operator is "and" or "or")
        {
            object? first = Evaluate(binary.Left);
            return Values.IsTrue(first) == (binary.Operator == "or") ? first : Evaluate(binary.Right);
        }

        object? left = Evaluate(binary.Left), right = Evaluate(binary.Right);
        return binary.Operator == "~"
            ? Concatenated(Python.Str(left), Python.Str(right))
            : Arithmetic.Compute(binary.Operator, left, right, binary.Line);
    }

    private bool Compare(Comparison comparison)
    {
        object? left = Evaluate(comparison.First);
        foreach ((string name, Expression expression) in comparison.Rest)
        {
            object? right = Evaluate(expression);
            bool holds = name switch
            {
                "==" => Values.Equals(left, right),
                "!=" => !Values.Equals(left, right),
                "in" => Contains(right, left, comparison.Line),
                "not in" => !Contains(right, left, comparison.Line),
                _ => Arithmetic.Ordered(name, left, right, comparison.Line),
            };
            if (!holds)
            {
                return false;
            }

            left = right;
        }

        return true;
    }

    public static bool Contains(object? container, object? item, int line) => (container, item) switch
    {
        (string text, string part) => Searched(text, part).Contains(part, StringComparison.Ordinal),
        (OrderedDictionary<string, object?> fields, string key) => fields.ContainsKey(key),
        (OrderedDictionary<string, object?>, _) => false,
        (List<object?> list, _) => list.Any(entry => Values.Equals(entry, item)),
        (Undefined, _) => false,
        _ => throw new ChatTemplateException($"'in' cannot search {Python.Repr(container)}.", line),
    };

    private object? Subscript(Index index)
    {
        object? target = Evaluate(index.Target);
        if (index.Key is Slice slice)
        {
            return Slicing.Take(target, Bound(slice.Start), Bound(slice.Stop), Bound(slice.Step), index.Line);
        }

        object? key = Evaluate(index.Key);
        switch (target, key)
        {
            case (List<object?> list, long at):
                at += at < 0 ? list.Count : 0;
                return at >= 0 && at < list.Count ? list[(int)at] : new Undefined($"the list has no item {Python.Repr(key)}");
            case (string text, long at):
                return Slicing.Character(text, at);
            case (OrderedDictionary<string, object?> fields, _):
                return fields.TryGetValue(Python.Str(key), out object? value) ? value
                    : key is string name && Methods.Find(fields, name) is { } method ? method
                    : new Undefined($"the key {Python.Repr(key)} is undefined");
            case (Undefined, _):
            case (_, string):
                return Attribute(target, Python.Str(key), index.Line);
            default:
                return new Undefined($"{Python.Repr(target)} has no item {Python.Repr(key)}");
        }
    }

    private long? Bound(Expression? expression) => expression is null ? null : Evaluate(expression) switch
    {
        null => null,
        long number => number,
        var other => throw new ChatTemplateException($"a slice needs integers, not {Python.Repr(other)}.", expression.Line),
    };

    private bool RunTest(Test test)
    {
        if (!Tests.All.TryGetValue(test.Name, out Func<object?, object?[], int, bool>? function))
        {
            throw new ChatTemplateException($"there is no test '{test.Name}'.", test.Line);
        }

        object? input = Evaluate(test.Input);
        Work.Value(input);
        return function(input, [.. test.Arguments.Select(Evaluate)], test.Line) != test.Negated;
    }
}
