namespace Slipway.Tokenization.Templates;

/// <summary>The table of tests: what may follow <c>is</c>.</summary>
internal static class Tests
{
    public static Dictionary<string, Func<object?, object?[], int, bool>> All { get; } = new(StringComparer.Ordinal)
    {
        ["defined"] = (value, _, _) => value is not Undefined,
        ["undefined"] = (value, _, _) => value is Undefined,
        ["none"] = (value, _, _) => value is null,
        ["true"] = (value, _, _) => value is true,
        ["false"] = (value, _, _) => value is false,
        ["boolean"] = (value, _, _) => value is bool,
        ["string"] = (value, _, _) => value is string,
        ["number"] = (value, _, _) => value is long or double or bool,
        ["integer"] = (value, _, _) => value is long,
        ["float"] = (value, _, _) => value is double,
        ["mapping"] = (value, _, _) => value is OrderedDictionary<string, object?>,
        ["sequence"] = (value, _, _) => value is List<object?> or string or OrderedDictionary<string, object?>,
        ["iterable"] = (value, _, _) => value is List<object?> or string or OrderedDictionary<string, object?> or Undefined,
        ["callable"] = (value, _, _) => value is Callable,
        ["odd"] = (value, _, line) => Integer(value, line) % 2 != 0,
        ["even"] = (value, _, line) => Integer(value, line) % 2 == 0,
        ["divisibleby"] = (value, arguments, line) => Divides(Integer(First(arguments, line), line), Integer(value, line), line),
        ["lower"] = (value, _, _) => !Python.Str(value).Any(char.IsUpper),
        ["upper"] = (value, _, _) => !Python.Str(value).Any(char.IsLower),
        ["in"] = (value, arguments, line) => Evaluator.Contains(First(arguments, line), value, line),
        ["eq"] = Equal, ["equalto"] = Equal, ["=="] = Equal, ["sameas"] = Equal,
        ["ne"] = (value, arguments, line) => !Equal(value, arguments, line),
        ["!="] = (value, arguments, line) => !Equal(value, arguments, line),
        ["lt"] = (value, arguments, line) => Arithmetic.Ordered("<", value, First(arguments, line), line),
        ["le"] = (value, arguments, line) => Arithmetic.Ordered("<=", value, First(arguments, line), line),
        ["gt"] = (value, arguments, line) => Arithmetic.Ordered(">", value, First(arguments, line), line),
        ["ge"] = (value, arguments, line) => Arithmetic.Ordered(">=", value, First(arguments, line), line),
    };

    private static bool Equal(object? value, object?[] arguments, int line) => Values.Equals(value, First(arguments, line));

    private static object? First(object?[] arguments, int line) => arguments.Length == 1
        ? arguments[0] : throw new ChatTemplateException("the test needs one argument.", line);

    private static bool Divides(long divisor, long number, int line) => divisor switch
    {
        0 => throw new ChatTemplateException("division by zero.", line),
        -1 => true,
        _ => number % divisor == 0,
    };

    private static long Integer(object? value, int line) => value is long number
        ? number : throw new ChatTemplateException($"the test needs an integer, not {Python.Repr(value)}.", line);
}
