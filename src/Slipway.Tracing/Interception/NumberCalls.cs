using System.Collections;
using System.Globalization;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Interception;

/// <summary>Reads calls of the framework that compare or round numbers: <c>Math.Min</c>, look-ups.</summary>
internal static class NumberCalls
{
    // Lists are compared as far as sizes reach; longer ones hold other things.
    private const int MaxNumbers = 64;

    private static readonly HashSet<string> Rounding = new(StringComparer.Ordinal)
    {
        nameof(Math.Floor), nameof(Math.Ceiling), nameof(Math.Round), nameof(Math.Truncate),
    };

    /// <summary>Tells whether a call is given numbers that it may compare.</summary>
    public static bool IsWatched(CallSite site)
    {
        var callee = site.Callee;
        if (site.IsConstruction || callee.GetParameters().Any(parameter => parameter.ParameterType.IsPointer))
        {
            return false;
        }

        var numbers = callee.GetParameters().Sum(parameter => Weight(parameter.ParameterType))
            + (callee.IsStatic ? 0 : Weight(callee.DeclaringType!));
        return numbers > 1 || (numbers == 1 && callee.DeclaringType == typeof(Math) && Rounding.Contains(callee.Name));
    }

    /// <summary>Lists what a call may compare or compute.</summary>
    public static IEnumerable<NumberEvent> Read(CallSite site, object?[] arguments)
    {
        double[] numbers = [.. arguments.SelectMany(Numbers).Take(MaxNumbers)];
        var type = site.Callee.DeclaringType;
        if (type == typeof(Math) && Rounding.Contains(site.Callee.Name))
        {
            // A half more or less makes every way of rounding the whole part of something.
            return numbers.Length == 0 ? [] : [.. ((double[])[0, 0.5]).Select(
                (more, index) => Event(NumberOperation.Truncate, index, numbers[0] + more, 1))];
        }

        var index = 0;
        List<NumberEvent> events = [];
        if (numbers.Length == 2 && type == typeof(Math) && site.Callee.Name is nameof(Math.Min) or nameof(Math.Max))
        {
            events.Add(Event(
                site.Callee.Name == nameof(Math.Min) ? NumberOperation.Min : NumberOperation.Max, index++, numbers[0],
                numbers[1]));
        }

        for (var left = 0; left < numbers.Length; left++)
        {
            for (var right = left + 1; right < numbers.Length; right++)
            {
                events.Add(Event(NumberOperation.Compare, index++, numbers[left], numbers[right]));
            }
        }

        return events;

        NumberEvent Event(NumberOperation operation, int part, double left, double right)
            => new(new NumberSite(site.Caller, site.Offset, operation, true) { Part = part }, left, right);
    }

    private static int Weight(Type type)
        => type.IsByRef ? Weight(type.GetElementType()!)
            : type.IsPrimitive ? type == typeof(bool) || type == typeof(char) ? 0 : 1
            : Holds(type) ? 2
            : Nullable.GetUnderlyingType(type) is { } inner ? Weight(inner) : 0;

    private static bool Holds(Type type)
        => type.IsArray ? IsInteger(type.GetElementType()!)
            : type.IsGenericType && IsInteger(type.GetGenericArguments()[0])
                && (typeof(IEnumerable).IsAssignableFrom(type) || type.IsByRefLike);

    private static bool IsInteger(Type type) => type == typeof(int) || type == typeof(long);

    private static IEnumerable<double> Numbers(object? argument) => argument switch
    {
        int or long or short or byte or float or double => [Convert.ToDouble(argument, CultureInfo.InvariantCulture)],
        IDictionary map => map.Keys.Cast<object>().SelectMany(Numbers),
        IEnumerable<long> or IEnumerable<int> => argument is ICollection list
            ? list.Cast<object>().Take(MaxNumbers).SelectMany(Numbers) : [],
        _ => [],
    };
}
