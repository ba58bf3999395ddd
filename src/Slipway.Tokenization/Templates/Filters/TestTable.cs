using Slipway.Tokenization.Templates.Methods;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Filters;

/// <summary>The table of tests: what may follow <c>is</c>.</summary>
internal static class TestTable
{
    public static Dictionary<string, (int Arguments, Func<object?, object?, bool> Holds)> All { get; } = new(
        StringComparer.Ordinal)
    {
        ["defined"] = (0, (value, _) => value is not Undefined),
        ["undefined"] = (0, (value, _) => value is Undefined),
        ["none"] = (0, (value, _) => value is null),
        ["true"] = (0, (value, _) => value is true),
        ["false"] = (0, (value, _) => value is false),
        ["boolean"] = (0, (value, _) => value is bool),
        ["string"] = (0, (value, _) => value is string or Markup),
        ["number"] = (0, (value, _) => Numbers.IsNumber(value)),
        ["integer"] = (0, (value, _) => value is long or System.Numerics.BigInteger),
        ["float"] = (0, (value, _) => value is double),
        ["mapping"] = (0, (value, _) => value is TemplateDictionary),
        ["sequence"] = (0, (value, _) => value is string or Markup or TemplateDictionary or Undefined
            or (List<object?> and not DictionaryView)),
        ["iterable"] = (0, (value, _) => Iteration.Is(value)),
        ["callable"] = (0, (value, _) => value is Callable or Undefined),
        ["escaped"] = (0, (value, _) => value is Markup),
        ["filter"] = (0, (value, _) => value is string name && FilterTable.All.ContainsKey(name)),
        ["test"] = (0, (value, _) => value is string name && All!.ContainsKey(name)),
        ["odd"] = (0, (value, _) => Comparing.AreEqual(Arithmetic.Compute("%", Number(value), 2L), 1L)),
        ["even"] = (0, (value, _) => Comparing.AreEqual(Arithmetic.Compute("%", Number(value), 2L), 0L)),
        ["divisibleby"] = (1,
            (value, other) => Comparing.AreEqual(Arithmetic.Compute("%", Number(value), Number(other)), 0L)),
        ["lower"] = (0, (value, _) => TextMethods.IsCase(PythonText.Str(value), upper: false)),
        ["upper"] = (0, (value, _) => TextMethods.IsCase(PythonText.Str(value), upper: true)),
        ["in"] = (1, (value, other) => Comparing.Contains(other, value)),
        ["sameas"] = (1, IsSame),
        ["eq"] = (1, Comparing.AreEqual),
        ["equalto"] = (1, Comparing.AreEqual),
        ["=="] = (1, Comparing.AreEqual),
        ["ne"] = (1, (value, other) => !Comparing.AreEqual(value, other)),
        ["!="] = (1, (value, other) => !Comparing.AreEqual(value, other)),
        ["lt"] = (1, (value, other) => Comparing.Ordered("<", value, other)),
        ["lessthan"] = (1, (value, other) => Comparing.Ordered("<", value, other)),
        ["<"] = (1, (value, other) => Comparing.Ordered("<", value, other)),
        ["le"] = (1, (value, other) => Comparing.Ordered("<=", value, other)),
        ["<="] = (1, (value, other) => Comparing.Ordered("<=", value, other)),
        ["gt"] = (1, (value, other) => Comparing.Ordered(">", value, other)),
        ["greaterthan"] = (1, (value, other) => Comparing.Ordered(">", value, other)),
        [">"] = (1, (value, other) => Comparing.Ordered(">", value, other)),
        ["ge"] = (1, (value, other) => Comparing.Ordered(">=", value, other)),
        [">="] = (1, (value, other) => Comparing.Ordered(">=", value, other)),
    };

    public static bool Holds(string name, object? value, CallArguments arguments)
    {
        if (!All.TryGetValue(name, out var test))
        {
            throw Work.Error($"there is no test '{Quoted.Short(name)}'.");
        }

        if (arguments.Positional.Length + arguments.Named.Count != test.Arguments)
        {
            throw Work.Error(test.Arguments == 1
                ? "the test needs one argument." : $"the test '{name}' takes no arguments.");
        }

        Work.Value(value);
        return test.Holds(value, arguments.Positional.Concat(arguments.Named.Values).FirstOrDefault());
    }

    private static object? Number(object? value) => Numbers.IsNumber(value) || value is Undefined ? value
        : throw Work.Error($"the test needs a number, not {PythonText.ShortRepr(value)}.");

    // Identity, as far as values have one here: small constants are one object, lists and texts may not be.
    private static bool IsSame(object? value, object? other) => value is null or bool || other is null or bool
        ? Equals(value, other)
        : value is List<object?> or TemplateDictionary || other is List<object?> or TemplateDictionary
            ? ReferenceEquals(value, other) : Equals(value, other);
}
