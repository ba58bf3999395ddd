using System.Collections;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Interception;

/// <summary>Reads calls of the framework that compare or compute numbers and texts: roots, look-ups.</summary>
internal static class NumberCalls
{
    // Lists are compared as far as sizes reach; longer ones hold other things.
    private const int MaxNumbers = 64;

    private static readonly MethodInfo EqualTexts = typeof(string).GetMethod(
        nameof(string.Equals), [typeof(string), typeof(string)])!;

    private static readonly HashSet<string> Rounding = new(StringComparer.Ordinal)
    {
        nameof(Math.Floor), nameof(Math.Ceiling), nameof(Math.Round), nameof(Math.Truncate),
    };

    // Types whose methods give the same for the same numbers and texts, whenever they are called.
    private static readonly HashSet<Type> Functions =
    [
        typeof(Math), typeof(MathF), typeof(BitOperations), typeof(Convert), typeof(string), typeof(decimal),
        typeof(TimeSpan), typeof(BigInteger), typeof(Half),
    ];

    /// <summary>Tells whether a call is given numbers that it may compare or compute with.</summary>
    public static bool IsWatched(CallSite site)
    {
        var callee = site.Callee;
        if (site.IsConstruction || callee.GetParameters().Any(parameter => parameter.ParameterType.IsPointer))
        {
            return false;
        }

        return Weights(callee).Sum() > 1 || (IsFunction(callee) && Weights(callee).Any(weight => weight > 0));
    }

    /// <summary>Tells whether a type is a number or text of the framework that its methods only compute with.</summary>
    public static bool IsFunctionType(Type type) => Functions.Contains(type) || IsNumber(type);

    /// <summary>Lists what a call may compare or compute.</summary>
    public static IEnumerable<NumberEvent> Read(CallSite site, object?[] arguments)
    {
        var callee = site.Callee;
        var index = 0;
        List<NumberEvent> events = [];
        if (IsFunction(callee))
        {
            events.Add(Call(callee, arguments));
        }

        var isMath = callee.DeclaringType == typeof(Math) || callee.DeclaringType == typeof(MathF);
        double[] numbers = [.. arguments.SelectMany(Numbers).Take(MaxNumbers)];
        if (isMath && Rounding.Contains(callee.Name) && numbers.Length > 0)
        {
            // A half more or less makes every way of rounding the whole part of something.
            events.AddRange(((double[])[0, 0.5]).Select(more => Event(NumberOperation.Truncate, numbers[0] + more, 1)));
            return events;
        }

        if (numbers.Length == 2 && isMath && callee.Name is nameof(Math.Min) or nameof(Math.Max))
        {
            events.Add(Event(
                callee.Name == nameof(Math.Min) ? NumberOperation.Min : NumberOperation.Max, numbers[0], numbers[1]));
        }

        for (var left = 0; left < numbers.Length; left++)
        {
            for (var right = left + 1; right < numbers.Length; right++)
            {
                events.Add(Event(NumberOperation.Compare, numbers[left], numbers[right]));
            }
        }

        // A text is looked up among the keys of a table, or the texts of a list.
        string[] texts = [.. arguments.SelectMany(Texts).Take(MaxNumbers)];
        for (var key = 0; key < texts.Length && !IsFunction(callee); key++)
        {
            events.AddRange(texts.Skip(key + 1).Select(text => Call(EqualTexts, [texts[key], text])));
        }

        return events;

        NumberEvent Event(NumberOperation operation, double left, double right)
            => new(new NumberSite(site.Caller, site.Offset, operation, true) { Part = index++ }, left, right);

        NumberEvent Call(MethodBase function, object?[] given)
            => new(
                new NumberSite(site.Caller, site.Offset, NumberOperation.Call, false)
                {
                    Part = index++, Function = function,
                }, 0, 0)
            {
                Arguments = given,
            };
    }

    // A function of the framework, or an element of a list or of an array of several axes.
    private static bool IsFunction(MethodBase callee)
        => callee.DeclaringType is { } type && callee is MethodInfo { ContainsGenericParameters: false } method
            && method.ReturnType != typeof(void) && !method.ReturnType.IsByRefLike
            && !Array.Exists(method.GetParameters(), parameter => parameter.ParameterType is { IsByRef: true }
                or { IsByRefLike: true })
            && (IsFunctionType(type) || type.IsArray
                || (method.Name == "get_Item" && typeof(IList).IsAssignableFrom(type)));

    private static IEnumerable<int> Weights(MethodBase callee)
        => callee.GetParameters().Select(parameter => Weight(parameter.ParameterType))
            .Append(callee.IsStatic ? 0 : Weight(callee.DeclaringType!));

    private static int Weight(Type type)
        => type.IsByRef ? Weight(type.GetElementType()!)
            : IsNumber(type) || type == typeof(string) ? 1
            : typeof(ITuple).IsAssignableFrom(type) ? type.GetGenericArguments().Sum(Weight)
            : Holds(type) ? 2
            : Nullable.GetUnderlyingType(type) is { } inner ? Weight(inner) : 0;

    private static bool Holds(Type type)
        => type.IsArray ? IsKey(type.GetElementType()!)
            : type.IsGenericType && IsKey(type.GetGenericArguments()[0])
                && (typeof(IEnumerable).IsAssignableFrom(type) || type.IsByRefLike);

    private static bool IsKey(Type type)
        => type == typeof(int) || type == typeof(long) || type == typeof(string)
            || (typeof(ITuple).IsAssignableFrom(type) && type.GetGenericArguments().Any(IsKey));

    private static bool IsNumber(Type type)
        => (type.IsPrimitive && type != typeof(bool) && type != typeof(char)) || type == typeof(decimal)
            || type == typeof(TimeSpan) || type == typeof(BigInteger) || type == typeof(Half);

    private static IEnumerable<double> Numbers(object? argument) => argument switch
    {
        string => [],
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(index => Numbers(tuple[index])),
        IDictionary map => map.Keys.Cast<object>().SelectMany(Numbers),
        IEnumerable items => Keys(items).SelectMany(Numbers),
        _ => Sizes.FunctionFormulas.Number(argument) is { } number ? [number] : [],
    };

    private static IEnumerable<string> Texts(object? argument) => argument switch
    {
        string text => [text],
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(index => Texts(tuple[index])),
        IDictionary map => map.Keys.Cast<object>().SelectMany(Texts),
        IEnumerable items => Keys(items).SelectMany(Texts),
        _ => [],
    };

    // Iterators must not be consumed.
    private static IEnumerable<object> Keys(IEnumerable items)
        => Holds(items.GetType()) && (items is ICollection || IsSet(items.GetType()))
            ? items.Cast<object>().Take(MaxNumbers) : [];

    private static bool IsSet(Type type)
        => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(HashSet<>);
}
