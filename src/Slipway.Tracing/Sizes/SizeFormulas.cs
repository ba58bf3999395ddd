using System.Globalization;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Sizes;

/// <summary>A number that follows from the named sizes.</summary>
/// <param name="Text">The formula, which tells it from others.</param>
/// <param name="IsConstant">Tells whether no size decides it.</param>
/// <param name="Value">Computes it from the sizes, in order.</param>
internal sealed record SizeFormula(string Text, bool IsConstant, Func<double[], double> Value);

/// <summary>Finds the formulas of numbers by what they were in each run.</summary>
/// <remarks>
/// A number is a constant, a · p + b with p a size or a product, sum or difference of sizes, or the result of an
/// operation on such numbers. A number that fits several is taken for each of them.
/// </remarks>
internal sealed class SizeFormulas
{
    private const int MaxFormulas = 4;
    private const double Exact = 1e-9;
    private readonly IReadOnlyList<(string Text, Func<double[], double> Value, double[] Runs)> _terms;
    private readonly Dictionary<string, List<SizeFormula>> _known = new(StringComparer.Ordinal);

    public SizeFormulas(IReadOnlyList<DynamicAxis> axes, IReadOnlyList<Trace> runs)
    {
        var sizes = runs.Select(run => axes.Select(axis => (double)run.Sizes[axis.Name]).ToArray()).ToArray();
        _terms = [.. Terms(axes)
            .Select(term => (term.Text, term.Value, Array.ConvertAll(sizes, run => term.Value(run))))];
    }

    /// <summary>The formulas of a number.</summary>
    public IReadOnlyList<SizeFormula> Of(double[] runs)
    {
        var key = Key(runs);
        if (!_known.TryGetValue(key, out var formulas))
        {
            _known[key] = formulas = Fit(runs) is { } fit ? [fit] : [];
        }

        return formulas;
    }

    /// <summary>Adds the formula of an operation's result.</summary>
    public void Add(double[] runs, SizeFormula formula)
    {
        var formulas = (List<SizeFormula>)Of(runs);

        // A result that a straight line gives in all runs is that line, unless all runs gave one number.
        if (formulas.Count < MaxFormulas && formulas.TrueForAll(known => known.IsConstant || known.Text[0] == '(')
            && formulas.TrueForAll(known => known.Text != formula.Text))
        {
            formulas.Add(formula);
        }
    }

    private SizeFormula? Fit(double[] runs)
    {
        if (Array.TrueForAll(runs, value => value.Equals(runs[0])))
        {
            return double.IsFinite(runs[0]) ? new($"{runs[0]:R}", true, _ => runs[0]) : null;
        }

        foreach (var (text, value, points) in _terms)
        {
            var other = Array.FindIndex(points, point => !point.Equals(points[0]));
            if (other < 0)
            {
                continue;
            }

            var factor = (runs[other] - runs[0]) / (points[other] - points[0]);
            var offset = runs[0] - (factor * points[0]);
            if (factor != 0 && points.Zip(runs).All(pair => Math.Abs((factor * pair.First) + offset - pair.Second)
                <= Exact * Math.Max(1, Math.Abs(pair.Second))))
            {
                // Whole numbers stay whole.
                (factor, offset) = (Whole(factor), Whole(offset));
                return new($"{factor:R}·{text}+{offset:R}", false, sizes => (factor * value(sizes)) + offset);
            }
        }

        return null;
    }

    private static double Whole(double value)
        => Math.Abs(value - Math.Round(value)) < Exact ? Math.Round(value) : value;

    private static IEnumerable<(string Text, Func<double[], double> Value)> Terms(IReadOnlyList<DynamicAxis> axes)
    {
        for (var axis = 0; axis < axes.Count; axis++)
        {
            var first = axis;
            yield return ($"{axes[first].Name}", sizes => sizes[first]);
        }

        for (var axis = 0; axis < axes.Count; axis++)
        {
            for (var other = axis; other < axes.Count; other++)
            {
                var (first, second) = (axis, other);
                yield return ($"{axes[first].Name}·{axes[second].Name}", sizes => sizes[first] * sizes[second]);
                if (first != second)
                {
                    yield return ($"[{axes[first].Name}+{axes[second].Name}]", sizes => sizes[first] + sizes[second]);
                    yield return ($"[{axes[first].Name}-{axes[second].Name}]", sizes => sizes[first] - sizes[second]);
                }
            }
        }

        if (axes.Count > 2)
        {
            yield return ("all", sizes => sizes.Aggregate(1.0, (product, size) => product * size));
        }
    }

    private static string Key(double[] runs)
        => string.Join(' ', runs.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
}
