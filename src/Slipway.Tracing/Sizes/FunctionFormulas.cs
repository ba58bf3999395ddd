using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Slipway.Tracing.Interception;

namespace Slipway.Tracing.Sizes;

/// <summary>A function of the framework on numbers and texts that follow from the named sizes.</summary>
/// <param name="Text">The formula, which tells it from others.</param>
/// <param name="Runs">The results in each run.</param>
/// <param name="Value">Computes the result from the sizes, in order.</param>
internal sealed record FunctionFormula(string Text, object?[] Runs, Func<double[], object?> Value);

/// <summary>Composes functions of the framework, such as <c>Math.Sqrt</c>, with formulas of their arguments.</summary>
internal sealed class FunctionFormulas(SizeFormulas numbers, TextFormulas texts)
{
    private const int MaxFormulas = 16;
    private const int MaxCompared = 4096;

    /// <summary>Finds the formulas of what a call gives.</summary>
    /// <param name="site">The place with the function.</param>
    /// <param name="runs">The arguments in each run.</param>
    /// <param name="isUnknown">Tells whether an argument varies in a way that has no formula.</param>
    public IReadOnlyList<FunctionFormula> Of(NumberSite site, object?[][] runs, out bool isUnknown)
    {
        isUnknown = false;
        List<(string Text, bool IsConstant, Func<double[], object?>[] Values)> all = [("", true, [])];
        for (var index = 0; index < runs[0].Length; index++)
        {
            var argument = Argument(Array.ConvertAll(runs, run => run[index]), out var isVarying);
            if (argument.Count == 0)
            {
                isUnknown = isVarying;
                return [];
            }

            all = [.. all.SelectMany(before => argument.Select(next => (
                $"{before.Text} {next.Text}", before.IsConstant && next.IsConstant,
                (Func<double[], object?>[])[.. before.Values, next.Value]))).Take(MaxFormulas)];
        }

        var results = Array.ConvertAll(runs, run => Invoke(site, run));
        return [.. all.Where(formula => !formula.IsConstant).Select(formula => new FunctionFormula(
            $"({site.Function!.DeclaringType!.Name}.{site.Function.Name}{formula.Text})", results,
            sizes => Invoke(site, formula.Values, sizes)))];
    }

    /// <summary>A number as tracing compares it; null for what is none.</summary>
    public static double? Number(object? value) => value switch
    {
        TimeSpan span => span.Ticks,
        BigInteger number => (double)number,
        Half half => (double)half,
        char letter => letter,
        bool => null,
        IConvertible and not string and not Enum and not DateTime
            => Convert.ToDouble(value, CultureInfo.InvariantCulture),
        _ => null,
    };

    private IReadOnlyList<(string Text, bool IsConstant, Func<double[], object?> Value)> Argument(
        object?[] runs, out bool isVarying)
    {
        isVarying = false;
        if (Array.TrueForAll(runs, value => Number(value) is not null))
        {
            var values = Array.ConvertAll(runs, value => Number(value)!.Value);
            isVarying = !Array.TrueForAll(values, value => value.Equals(values[0]));
            var type = runs[0]!.GetType();
            return [.. numbers.Of(values).Select(formula => (
                formula.Text, formula.IsConstant,
                (Func<double[], object?>)(formula.IsConstant
                    ? _ => runs[0] : sizes => Of(formula.Value(sizes), type))))];
        }

        if (Array.TrueForAll(runs, value => value is string))
        {
            var values = Array.ConvertAll(runs, value => (string)value!);
            isVarying = !Array.TrueForAll(values, value => value == values[0]);
            return texts.Of(values) is { } formula
                ? [(formula.Text, formula.IsConstant, sizes => formula.Value(sizes))] : [];
        }

        // Anything else, such as a culture or a list, is the same object or value in every run.
        return Array.TrueForAll(runs, value => IsSame(value, runs[0]))
            ? [(Name(runs[0]), true, _ => runs[0])] : [];
    }

    private static string Name(object? value)
        => value is null or string || value.GetType().IsValueType
            ? $"{value}" : $"{value.GetType()}#{RuntimeHelpers.GetHashCode(value)}";

    /// <summary>Tells whether two objects are one, equal values, or lists of the same.</summary>
    public static bool IsSame(object? left, object? right)
        => IsEqual(left, right) || (left is IList { Count: <= MaxCompared } first && right is IList second
            && first.Count == second.Count
            && first.Cast<object?>().Zip(second.Cast<object?>(), IsEqual).All(isEqual => isEqual));

    private static bool IsEqual(object? left, object? right)
        => left is string or ValueType ? left.Equals(right) : ReferenceEquals(left, right);

    // A number that the type does not hold makes the call fail, as in the module itself.
    private static object? Of(double value, Type type)
        => type == typeof(TimeSpan) ? TimeSpan.FromTicks((long)value)
            : type == typeof(BigInteger) ? new BigInteger(value)
            : type == typeof(Half) ? (Half)value
            : type == typeof(char) ? (char)value
            : Convert.ChangeType(value, type, CultureInfo.InvariantCulture);

    private static object? Invoke(NumberSite site, Func<double[], object?>[] arguments, double[] sizes)
    {
        try
        {
            return Invoke(site, Array.ConvertAll(arguments, argument => argument(sizes)));
        }
        catch (OverflowException exception)
        {
            return exception.GetType();
        }
    }

    private static object? Invoke(NumberSite site, object?[] arguments)
    {
        try
        {
            return site.Function is MethodInfo { IsStatic: false } method
                ? method.Invoke(arguments[0], arguments[1..]) : site.Function!.Invoke(null, arguments);
        }
        catch (TargetInvocationException exception)
        {
            return exception.InnerException!.GetType();
        }
    }
}
