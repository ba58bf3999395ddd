using System.Runtime.CompilerServices;

namespace Slipway.Tokenization.Templates.Values;

/// <summary>Equality, order and membership of values, as in Python.</summary>
internal static class Comparing
{
    public static bool AreEqual(object? left, object? right)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Work.Count();
        if (Numbers.IsNumber(left) && Numbers.IsNumber(right))
        {
            return Numbers.Compare(left, right) == 0;
        }

        return (Plain(left), Plain(right)) switch
        {
            (null, null) or (Undefined, Undefined) => true,
            (string a, string b) => Same(a, b),
            (DictionaryView { Name: "dict_values" }, _)
                or (_, DictionaryView { Name: "dict_values" }) => ReferenceEquals(left, right),
            (DictionaryView a, DictionaryView b) => a.Count == b.Count
                && a.All(item => b.Any(other => AreEqual(item, other))),
            (List<object?> a, List<object?> b) => Kind(a) == Kind(b) && a.Count == b.Count && AllEqual(a, b),
            (TemplateDictionary a, TemplateDictionary b) => a.Count == b.Count
                && a.Items.All(pair => b.TryGet(pair.Key, out var other) && AreEqual(pair.Value, other)),
            _ => ReferenceEquals(left, right),
        };
    }

    /// <summary>Compares by one of <c>&lt;</c>, <c>&lt;=</c>, <c>&gt;</c> and <c>&gt;=</c>.</summary>
    public static bool Ordered(string name, object? left, object? right)
    {
        if (Numbers.IsNumber(left) && Numbers.IsNumber(right))
        {
            return Numbers.Compare(left, right) is { } order && Holds(name, order);
        }

        return (Plain(left), Plain(right)) switch
        {
            (string a, string b) => Holds(name, Compare(a, b)),
            (List<object?> a, List<object?> b) when Kind(a) == Kind(b)
                && a is not (Range or DictionaryView) => Ordered(name, a, b),
            _ => throw Work.Error(
                $"'{name}' cannot compare {PythonText.ShortRepr(left)} and {PythonText.ShortRepr(right)}."),
        };
    }

    /// <summary>Sorts stably by '&lt;', as Python does.</summary>
    public static List<object?> Sort(List<object?> items, Func<object?, object?> key, bool reverse)
    {
        var order = Comparer<object?>.Create((left, right) =>
            Ordered("<", left, right) ? -1 : Ordered("<", right, left) ? 1 : 0);
        return reverse ? [.. items.OrderByDescending(key, order)] : [.. items.OrderBy(key, order)];
    }

    public static bool Contains(object? container, object? item)
    {
        switch (Plain(container))
        {
            case string text when Plain(item) is string part:
                return Searched(text, part).Contains(part, StringComparison.Ordinal);
            case string:
                throw Work.Error($"'in' searches a text for a text, not for {PythonText.ShortRepr(item)}.");
            case TemplateDictionary fields:
                return item is TemplateDictionary or (List<object?> and not (TemplateTuple or Range))
                    ? throw Work.Error($"{PythonText.ShortRepr(item)} cannot be a key.") : fields.TryGet(item, out _);
            case List<object?> list:
                return list.Any(entry => AreEqual(entry, item));
            case Generator generator:
                while (generator.TryTake(out var next))
                {
                    if (AreEqual(next, item))
                    {
                        return true;
                    }
                }

                return false;
            case Undefined:
                return false;
            default:
                throw Work.Error($"'in' cannot search {PythonText.ShortRepr(container)}.");
        }
    }

    /// <summary>The text, after counting the search in it.</summary>
    public static string Searched(string text, string part)
    {
        Work.Search(text.Length, part.Length);
        return text;
    }

    private static bool Ordered(string name, List<object?> left, List<object?> right)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        for (var i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            if (!AreEqual(left[i], right[i]))
            {
                return Ordered(name, left[i], right[i]);
            }
        }

        return Holds(name, left.Count.CompareTo(right.Count));
    }

    private static bool Holds(string name, int order) =>
        name switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };

    // Python orders texts by code points; UTF-16 puts surrogates before the last characters of the first plane.
    private static int Compare(string left, string right)
    {
        Work.Characters(Math.Min(left.Length, right.Length));
        var common = left.AsSpan().CommonPrefixLength(right);
        return common == left.Length || common == right.Length ? left.Length.CompareTo(right.Length)
            : char.IsSurrogate(left[common]) != char.IsSurrogate(right[common])
                ? char.IsSurrogate(left[common]) ? 1 : -1
                : left[common].CompareTo(right[common]);
    }

    private static bool AllEqual(List<object?> left, List<object?> right)
    {
        for (var i = 0; i < left.Count; i++)
        {
            if (!AreEqual(left[i], right[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static object? Plain(object? value) => value is Markup markup ? markup.Text : value;

    private static Type Kind(List<object?> list) => list is TemplateTuple ? typeof(TemplateTuple) : list.GetType();

    private static bool Same(string left, string right)
    {
        if (left.Length != right.Length || ReferenceEquals(left, right))
        {
            return left.Length == right.Length;
        }

        Work.Characters(left.Length);
        return left == right;
    }
}
