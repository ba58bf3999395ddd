using Slipway.Tracing.Interception;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Sizes;

/// <summary>Sizes from which on a module's own code decides or rounds in another way than in its traces.</summary>
/// <param name="Sizes">The sizes, by name.</param>
/// <param name="Axis">The size that was moved.</param>
/// <param name="Site">The place in the code.</param>
internal sealed record CriticalSize(IReadOnlyDictionary<string, long> Sizes, DynamicAxis Axis, NumberSite Site);

/// <summary>Finds the sizes at which comparisons, quotients and bits of a module's code come out anew.</summary>
/// <remarks>
/// The numbers of all traces, taken together, show which of them follow from sizes; each comparison is then computed at
/// sizes that were not traced. A graph is compared with its module at those where the result is a new one.
/// </remarks>
internal sealed class CriticalSizes
{
    // Each size up to here is looked at; above, what grows or falls is found by halving.
    private const long EverySize = 4096;
    private const long Largest = 1L << 40;
    private const int MaxOutcomes = 3;
    private readonly IReadOnlyList<DynamicAxis> _axes;
    private readonly IReadOnlyDictionary<string, long> _others;
    private readonly SizeFormulas _formulas;
    private readonly HashSet<string> _looked = new(StringComparer.Ordinal);
    private readonly List<CriticalSize> _found = [];

    private CriticalSizes(
        IReadOnlyList<Trace> runs, IReadOnlyList<DynamicAxis> axes, IReadOnlyDictionary<string, long> others)
    {
        (_axes, _others) = (axes, others);
        _formulas = new SizeFormulas(axes, runs);
    }

    /// <summary>Finds the sizes.</summary>
    /// <param name="runs">The traces.</param>
    /// <param name="axes">The named sizes.</param>
    /// <param name="others">The sizes that the others have while one is moved.</param>
    public static IReadOnlyList<CriticalSize> Find(
        IReadOnlyList<Trace> runs, IReadOnlyList<DynamicAxis> axes, IReadOnlyDictionary<string, long> others)
    {
        CriticalSizes search = new(runs, axes, others);
        foreach (var (site, left, right) in Aligned(runs))
        {
            search.Look(site, left, right);
        }

        return search._found;
    }

    // Numbers of one place belong together where every run came by equally often.
    private static IEnumerable<(NumberSite Site, double[] Left, double[] Right)> Aligned(IReadOnlyList<Trace> runs)
    {
        var bySite = runs.Select(run => run.Numbers.GroupBy(item => item.Site)
            .ToDictionary(group => group.Key, group => group.ToArray())).ToArray();
        Dictionary<NumberSite, int> seen = [];
        foreach (var (site, _, _) in runs[0].Numbers)
        {
            var at = seen.GetValueOrDefault(site);
            seen[site] = at + 1;
            if (bySite.All(run => run.TryGetValue(site, out var all) && all.Length == bySite[0][site].Length))
            {
                NumberEvent[] events = [.. bySite.Select(run => run[site][at])];
                yield return (
                    site, Array.ConvertAll(events, item => item.Left), Array.ConvertAll(events, item => item.Right));
            }
        }
    }

    private void Look(NumberSite site, double[] left, double[] right)
    {
        double[] results = [.. left.Zip(right, site.Apply)];
        foreach (var first in _formulas.Of(left).ToArray())
        {
            foreach (var second in _formulas.Of(right).ToArray())
            {
                if (!(first.IsConstant && second.IsConstant)
                    && _looked.Add($"{site.Operation} {site.IsReal} {first.Text} {second.Text}"))
                {
                    if (!IsDecision(site))
                    {
                        _formulas.Add(results, new SizeFormula(
                            $"({first.Text} {site.Operation} {second.Text})", false,
                            sizes => site.Apply(first.Value(sizes), second.Value(sizes))));
                    }

                    Search(site, first, second, left, right);
                }
            }
        }
    }

    private void Search(NumberSite site, SizeFormula first, SizeFormula second, double[] left, double[] right)
    {
        HashSet<double> traced = [.. left.Zip(right, (a, b) => Outcome(site, a, b))];
        if (traced.Contains(double.NaN) || (!IsDecision(site) && traced.Count > 1))
        {
            return;
        }

        foreach (var axis in _axes)
        {
            var sizes = _axes.Select(other => (double)_others[other.Name]).ToArray();
            var index = _axes.ToList().IndexOf(axis);
            HashSet<double> known = [.. traced];
            var last = Math.Min(axis.Max ?? Largest, Largest);
            var size = SizePlan.Fit(axis, 1);
            for (; size <= Math.Min(last, EverySize); size += axis.Multiple)
            {
                if (known.Count <= traced.Count + MaxOutcomes && known.Add(At(size)))
                {
                    Found(axis, index, sizes, size, site);
                }
            }

            for (; size <= last; size *= 2)
            {
                if (known.Add(At(size)))
                {
                    Found(axis, index, sizes, Between(Math.Max(size / 2, EverySize), size), site);
                    break;
                }
            }

            double At(long value)
            {
                sizes[index] = value;
                return Outcome(site, first.Value(sizes), second.Value(sizes));
            }

            long Between(long low, long high)
            {
                var wanted = At(high);
                while (high - low > axis.Multiple)
                {
                    var middle = (low + ((high - low) / 2)) / axis.Multiple * axis.Multiple;
                    (low, high) = At(middle).Equals(wanted) ? (low, middle) : (middle, high);
                }

                return high;
            }
        }
    }

    private void Found(DynamicAxis axis, int index, double[] sizes, long size, NumberSite site)
    {
        sizes[index] = size;
        _found.Add(new CriticalSize(
            _axes.Select((named, at) => (named.Name, Size: (long)sizes[at]))
                .ToDictionary(item => item.Name, item => item.Size, StringComparer.Ordinal),
            axis, site));
    }

    private static bool IsDecision(NumberSite site)
        => site.Operation is NumberOperation.Compare or NumberOperation.Test or NumberOperation.Switch;

    // What tells one way from another: which is larger, the whole part, the bits.
    private static double Outcome(NumberSite site, double left, double right) => site.Operation switch
    {
        NumberOperation.Remainder => right == 0 ? double.NaN : Math.Truncate(left / right),
        NumberOperation.Divide when site.IsReal => 0,
        NumberOperation.Add or NumberOperation.Subtract or NumberOperation.Multiply or NumberOperation.Min
            or NumberOperation.Max or NumberOperation.ShiftLeft => 0,
        _ => site.Apply(left, right),
    };
}
