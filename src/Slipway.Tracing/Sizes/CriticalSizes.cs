using Slipway.Tracing.Interception;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Sizes;

/// <summary>Sizes from which on a module's own code decides or rounds in another way than in its traces.</summary>
/// <param name="Sizes">The sizes, by name.</param>
/// <param name="Axis">The size that was moved.</param>
/// <param name="Site">The place in the code.</param>
internal sealed record CriticalSize(IReadOnlyDictionary<string, long> Sizes, DynamicAxis Axis, NumberSite Site);

/// <summary>Sizes that were not traced and that the numbers of a module's own code tell of.</summary>
/// <param name="Sizes">The sizes at which they come out anew.</param>
/// <param name="Unknown">Places that decide by numbers which vary in no known way.</param>
internal sealed record CriticalPlaces(IReadOnlyList<CriticalSize> Sizes, IReadOnlyList<NumberSite> Unknown);

/// <summary>Finds the sizes at which comparisons, quotients, bits and functions of a module come out anew.</summary>
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
    private const double Exact = 1e-9;
    private readonly IReadOnlyList<DynamicAxis> _axes;
    private readonly IReadOnlyDictionary<string, long> _others;
    private readonly SizeFormulas _formulas;
    private readonly TextFormulas _texts;
    private readonly FunctionFormulas _functions;
    private readonly HashSet<string> _looked = new(StringComparer.Ordinal);
    private readonly List<CriticalSize> _found = [];
    private readonly List<NumberSite> _unknown = [];

    private CriticalSizes(
        IReadOnlyList<Trace> runs, IReadOnlyList<DynamicAxis> axes, IReadOnlyDictionary<string, long> others)
    {
        (_axes, _others) = (axes, others);
        _formulas = new SizeFormulas(axes, runs);
        _texts = new TextFormulas(_formulas);
        _functions = new FunctionFormulas(_formulas, _texts);
    }

    /// <summary>Finds the sizes.</summary>
    /// <param name="runs">The traces.</param>
    /// <param name="axes">The named sizes.</param>
    /// <param name="others">The sizes that the others have while one is moved.</param>
    public static CriticalPlaces Find(
        IReadOnlyList<Trace> runs, IReadOnlyList<DynamicAxis> axes, IReadOnlyDictionary<string, long> others)
    {
        CriticalSizes search = new(runs, axes, others);
        search.LookAtAll(runs);
        return new(search._found, search._unknown);
    }

    // Numbers of one place belong together where every run came by equally often.
    private void LookAtAll(IReadOnlyList<Trace> runs)
    {
        var bySite = runs.Select(run => run.Numbers.GroupBy(item => item.Site)
            .ToDictionary(group => group.Key, group => group.ToArray())).ToArray();
        Dictionary<NumberSite, int> seen = [];
        foreach (var item in runs[0].Numbers)
        {
            var site = item.Site;
            var at = seen.GetValueOrDefault(site);
            seen[site] = at + 1;
            if (!bySite.All(run => run.ContainsKey(site)))
            {
                continue;
            }

            if (!bySite.All(run => run[site].Length == bySite[0][site].Length))
            {
                Unknown(site);
                continue;
            }

            NumberEvent[] events = [.. bySite.Select(run => run[site][at])];
            if (item.Arguments is not null)
            {
                LookAtFunction(site, Array.ConvertAll(events, one => one.Arguments!));
            }
            else
            {
                Look(site, Array.ConvertAll(events, one => one.Left), Array.ConvertAll(events, one => one.Right));
            }
        }
    }

    private void Look(NumberSite site, double[] left, double[] right)
    {
        var (firsts, seconds) = (_formulas.Of(left).ToArray(), _formulas.Of(right).ToArray());
        if ((firsts.Length == 0 || seconds.Length == 0) && IsDecision(site) && !site.IsBound
            && left.Concat(right).All(double.IsFinite)
            && left.Zip(right, (a, b) => Outcome(site, a, b)).Distinct().Count() == 1)
        {
            Unknown(site);
        }

        double[] results = [.. left.Zip(right, site.Apply)];
        foreach (var first in firsts)
        {
            foreach (var second in seconds)
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

                    HashSet<double> traced = [.. left.Zip(right, (a, b) => Outcome(site, a, b))];
                    if (IsDecision(site) || traced.Count == 1)
                    {
                        Search(site, sizes => Outcome(site, first.Value(sizes), second.Value(sizes)), traced);
                    }
                }
            }
        }
    }

    private void LookAtFunction(NumberSite site, object?[][] arguments)
    {
        var formulas = _functions.Of(site, arguments, out var isUnknown);
        if (isUnknown && site.Function is System.Reflection.MethodInfo { ReturnType: var type } && type == typeof(bool))
        {
            Unknown(site);
        }

        foreach (var formula in formulas)
        {
            if (_looked.Add(formula.Text))
            {
                LookAt(site, formula);
            }
        }
    }

    // A result that follows a simpler formula in the traces is compared with that at other sizes.
    private void LookAt(NumberSite site, FunctionFormula formula)
    {
        var runs = formula.Runs;
        if (Array.TrueForAll(runs, run => run is bool))
        {
            Search(
                site, sizes => formula.Value(sizes) is bool flag ? flag ? 1 : 0 : 2,
                [.. runs.Select(run => (bool)run! ? 1.0 : 0)]);
        }
        else if (Array.TrueForAll(runs, run => FunctionFormulas.Number(run) is not null))
        {
            var numbers = Array.ConvertAll(runs, run => FunctionFormulas.Number(run)!.Value);
            if (_formulas.Of(numbers) is [var line, ..])
            {
                Search(site, sizes => IsClose(Number(sizes), line.Value(sizes)) ? 0 : 1, [0]);
            }

            _formulas.Add(numbers, new SizeFormula(formula.Text, false, Number));
            double Number(double[] sizes) => FunctionFormulas.Number(formula.Value(sizes)) ?? double.NaN;
        }
        else if (Array.TrueForAll(runs, run => run is string))
        {
            string[] texts = [.. runs.Select(run => (string)run!)];
            if (_texts.Of(texts) is { } text)
            {
                Search(site, sizes => formula.Value(sizes) as string == text.Value(sizes) ? 0 : 1, [0]);
            }

            _texts.Add(texts, new TextFormula(formula.Text, false, sizes => formula.Value(sizes) as string ?? ""));
        }
        else if (Array.TrueForAll(runs, run => FunctionFormulas.IsSame(run, runs[0])))
        {
            Search(site, sizes => FunctionFormulas.IsSame(formula.Value(sizes), runs[0]) ? 0 : 1, [0]);
        }
    }

    private void Search(NumberSite site, Func<double[], double> outcome, HashSet<double> traced)
    {
        if (traced.Contains(double.NaN))
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
                return outcome(sizes);
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

    private void Unknown(NumberSite site)
    {
        if (!_unknown.Exists(known => known.Method == site.Method && known.Offset == site.Offset))
        {
            _unknown.Add(site);
        }
    }

    private static bool IsClose(double left, double right)
        => Math.Abs(left - right) <= Exact * Math.Max(1, Math.Abs(right));

    private static bool IsDecision(NumberSite site)
        => site.Operation is NumberOperation.Compare or NumberOperation.CompareUnsigned or NumberOperation.Test
            or NumberOperation.Switch;

    // What tells one way from another: which is larger, the whole part, the bits.
    private static double Outcome(NumberSite site, double left, double right) => site.Operation switch
    {
        NumberOperation.Remainder => right == 0 ? double.NaN : Math.Truncate(left / right),
        NumberOperation.Divide when site.IsReal => 0,
        NumberOperation.Add or NumberOperation.Subtract or NumberOperation.Multiply or NumberOperation.Min
            or NumberOperation.Max or NumberOperation.ShiftLeft => 0,
        NumberOperation.Narrow => site.Apply(left, right).Equals(left) ? 0 : 1,
        _ => site.Apply(left, right),
    };
}
