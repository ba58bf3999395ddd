using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Slipway.Tokenization.Templates.Values;

/// <summary>
/// A dictionary in the order of insertion, whose keys are told apart as Python does: 1, 1.0 and true are one.
/// </summary>
internal sealed class TemplateDictionary
{
    private readonly OrderedDictionary<Key, object?> _items = [];

    public int Count => _items.Count;

    public IEnumerable<object?> Keys => _items.Keys.Select(key => key.Value);

    public IEnumerable<object?> Values => _items.Values;

    public IEnumerable<(object? Key, object? Value)> Items => _items.Select(pair => (pair.Key.Value, pair.Value));

    public object? this[object? key]
    {
        set => _items[Key.Of(key) ?? throw Work.Error($"{PythonText.ShortRepr(key)} cannot be a key.")] = value;
    }

    /// <summary>The entry of a key; false where there is none, or where the value can be no key.</summary>
    public bool TryGet(object? key, out object? value)
    {
        value = null;
        return Key.Of(key) is { } found && _items.TryGetValue(found, out value);
    }

    public static TemplateDictionary Of(IEnumerable<(object? Key, object? Value)> items)
    {
        TemplateDictionary result = new();
        foreach (var (key, value) in items)
        {
            result[key] = value;
        }

        return result;
    }

    /// <summary>The keys of a set, for values that can be hashed.</summary>
    internal readonly struct Key : IEquatable<Key>
    {
        private readonly int _hash;

        private Key(object? value, int hash) => (Value, _hash) = (value, hash);

        public object? Value { get; }

        /// <summary>The key that a value makes; null for lists and dictionaries, which cannot be keys.</summary>
        public static Key? Of(object? value) => Hash(value) is { } hash ? new Key(value, hash) : null;

        public bool Equals(Key other) => _hash == other._hash && Comparing.AreEqual(Value, other.Value);

        public override bool Equals([NotNullWhen(true)] object? other) => other is Key key && Equals(key);

        public override int GetHashCode() => _hash;

        private static int? Hash(object? value)
        {
            switch (value)
            {
                case null:
                    return 0;
                case string text:
                    Work.Characters(text.Length);
                    return text.GetHashCode(StringComparison.Ordinal);
                case Markup markup:
                    return Hash(markup.Text);
                case double number when double.IsFinite(number) && Math.Floor(number) == number:
                    return new BigInteger(number).GetHashCode();
                case double number:
                    return number.GetHashCode();
                case TemplateTuple tuple:
                    System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
                    HashCode hash = default;
                    foreach (var item in tuple)
                    {
                        Work.Count();
                        if (Hash(item) is not { } part)
                        {
                            return null;
                        }

                        hash.Add(part);
                    }

                    return hash.ToHashCode();
                case List<object?> and not Range or TemplateDictionary:
                    return null;
                default:
                    return Numbers.AsInteger(value) is { } integer ? integer.GetHashCode()
                        : value is Range range
                            ? range.Count : System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(value);
            }
        }
    }
}
