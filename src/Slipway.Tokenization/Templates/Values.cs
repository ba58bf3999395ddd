using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Templates;

/// <summary>A name or key that is not there. It prints as nothing and is false.</summary>
internal sealed record Undefined(string What);

/// <summary>A function that a template can call.</summary>
internal sealed record Callable(string Name, Func<CallArguments, object?> Invoke);

/// <summary>What <c>namespace()</c> makes: the only object whose attributes can be set.</summary>
internal sealed record Namespace(Dictionary<string, object?> Attributes);

/// <summary>The arguments of a call, evaluated.</summary>
internal sealed record CallArguments(object?[] Positional, Dictionary<string, object?> Named, int Line)
{
    /// <summary>An argument by position or name; <paramref name="missing"/> where neither is given.</summary>
    public object? Get(int index, string name, object? missing = null) =>
        index < Positional.Length ? Positional[index] : Named.GetValueOrDefault(name, missing);

    public bool Has(int index, string name) => index < Positional.Length || Named.ContainsKey(name);

    public string String(int index, string name, string? missing = null) => Get(index, name, missing) switch
    {
        string text => text,
        var other => throw Error($"the argument '{name}' is {Python.Repr(other)}; expected a string."),
    };

    public long Integer(int index, string name, long? missing = null) => Get(index, name, missing) switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        var other => throw Error($"the argument '{name}' is {Python.Repr(other)}; expected an integer."),
    };

    public ChatTemplateException Error(string message) => new(message, Line);
}

/// <summary>The values that templates compute with: null, bool, long, double, string, lists and dictionaries.</summary>
internal static class Values
{
    public static object? From(JsonNode? node)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return node switch
        {
            null => null,
            JsonObject fields => Dictionary(fields),
            JsonArray items => items.Select(From).ToList(),
            JsonValue value => value.GetValueKind() switch
            {
                JsonValueKind.String => value.GetValue<string>(),
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Number => Number(value),
                _ => null,
            },
            _ => null,
        };
    }

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        List<object?> list => list.Count > 0,
        OrderedDictionary<string, object?> fields => fields.Count > 0,
        _ => true,
    };

    /// <summary>The number of a value, bools as 0 and 1; null where it is none.</summary>
    public static double? AsNumber(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    public static new bool Equals(object? left, object? right)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Work.Count();
        if (AsNumber(left) is { } a && AsNumber(right) is { } b)
        {
            return left is long x && right is long y ? x == y : a == b;
        }

        return (left, right) switch
        {
            (null, null) or (Undefined, Undefined) => true,
            (string a1, string b1) => Same(a1, b1),
            (List<object?> a1, List<object?> b1) => a1.Count == b1.Count && a1.Zip(b1).All(pair => Equals(pair.First, pair.Second)),
            (OrderedDictionary<string, object?> a1, OrderedDictionary<string, object?> b1) => a1.Count == b1.Count
                && a1.All(pair => b1.TryGetValue(pair.Key, out object? other) && Equals(pair.Value, other)),
            _ => ReferenceEquals(left, right),
        };
    }

    private static bool Same(string left, string right)
    {
        if (left.Length != right.Length || ReferenceEquals(left, right))
        {
            return left.Length == right.Length;
        }

        Work.Characters(left.Length);
        return left == right;
    }

    private static object Number(JsonValue value)
    {
        string text = value.ToJsonString();
        return long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out long integer) ? (object)integer
            : double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
    }

    private static OrderedDictionary<string, object?> Dictionary(JsonObject fields)
    {
        OrderedDictionary<string, object?> result = [];
        foreach ((string key, JsonNode? value) in fields)
        {
            result[key] = From(value);
        }

        return result;
    }
}
