using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Graphs;

/// <summary>Compares the runs of a module and finds what varies in them.</summary>
internal sealed class ValueAnalysis
{
    private readonly IReadOnlyList<Trace> _runs;
    private readonly Dictionary<int, TracedValue[]> _values = [];
    private readonly Dictionary<int, bool> _foldable = [];
    private readonly HashSet<TracedCall> _varying = [];
    private readonly Dictionary<string, int> _uses = new(StringComparer.Ordinal);
    private readonly ParameterTable _parameters;

    /// <summary>Compares.</summary>
    /// <exception cref="UntraceableModuleException">The runs took different paths.</exception>
    public ValueAnalysis(IReadOnlyList<Trace> runs, ParameterTable parameters)
    {
        _runs = runs;
        _parameters = parameters;
        for (var run = 0; run < runs.Count; run++)
        {
            Collect(run, runs[run].Inputs);
            for (var index = 0; index < runs[run].Calls.Count; index++)
            {
                if (run > 0)
                {
                    Compare(index, run);
                }

                Collect(run, Recorder.Values(runs[run].Calls[index]));
                Collect(run, runs[run].Calls[index].Results);
            }

            Collect(run, runs[run].Outputs.Select(output => output.Value));
            RequireSameLength(run);
        }
    }

    /// <summary>The sizes of a value over the runs.</summary>
    public IReadOnlyList<TracedSize> Shape(TracedValue value)
    {
        var all = _values[value.Id];
        return [.. value.Shape.Select((_, axis) => new TracedSize([.. all.Select(run => run.Shape[axis])]))];
    }

    /// <summary>Tells whether a value is the same in every run, so that it can be a constant.</summary>
    public bool IsFoldable(TracedValue value)
    {
        if (!_foldable.TryGetValue(value.Id, out var foldable))
        {
            _foldable[value.Id] = foldable = value.Origin switch
            {
                ValueOrigin.Input => false,
                ValueOrigin.Parameter => true,
                ValueOrigin.Constant => _values[value.Id].All(run => run.Digest == value.Digest),
                _ => value.Held is not null && !_varying.Contains(value.Call!)
                    && value.Call!.Operation is not { Refusal: not null, IsOnlyForInputs: false }
                    && Recorder.Values(value.Call!).All(IsFoldable)
                    && !IsSharedWeight(value),
            };
        }

        return foldable;
    }

    /// <summary>Finds the calls that outputs need, constants aside.</summary>
    public HashSet<TracedCall> Needed(IReadOnlyList<TracedValue> outputs)
    {
        HashSet<TracedCall> needed = [];
        Stack<TracedValue> open = new(outputs);
        foreach (var name in _runs[0].Calls.SelectMany(Weights))
        {
            _uses[name] = _uses.GetValueOrDefault(name) + 1;
        }

        while (open.TryPop(out var value))
        {
            if (value.Call is not { } call || IsFoldable(value) || !needed.Add(call))
            {
                continue;
            }

            foreach (var input in Recorder.Values(call))
            {
                open.Push(input);
            }
        }

        return needed;
    }

    /// <summary>Counts the calls that read a parameter.</summary>
    public int Uses(TracedValue value) => _uses.GetValueOrDefault(value.Name);

    private IEnumerable<string> Weights(TracedCall call)
        => Recorder.Values(call).Where(value => value.Origin == ValueOrigin.Parameter).Select(value => value.Name)
            .Concat(call.Arguments is [TorchSharp.torch.nn.Module module, ..]
                ? module.parameters().Select(weight => _parameters.Find(weight)?.Name).OfType<string>() : []);

    // The transpose of a tied weight stays a node, so that the weight is stored once.
    private bool IsSharedWeight(TracedValue value)
        => value.Call!.Operation is { IsView: true } && value.Base is { } root
            && (root.Origin == ValueOrigin.Parameter ? Uses(root) > 1
                : root.Origin == ValueOrigin.Result && IsSharedWeight(root));

    private void Collect(int run, IEnumerable<TracedValue> values)
    {
        foreach (var value in values)
        {
            if (run == 0)
            {
                _values.TryAdd(value.Id, new TracedValue[_runs.Count]);
            }

            if (!_values.TryGetValue(value.Id, out var all)
                || (all[0] is { } first && first.Shape.Length != value.Shape.Length))
            {
                throw Differs(
                    value.Call?.Place ?? new TracePlace("", null), "the number of axes of a tensor", run);
            }

            all[run] = value;
        }
    }

    private void Compare(int index, int run)
    {
        if (index >= _runs[0].Calls.Count)
        {
            throw Differs(_runs[run].Calls[index].Place, $"the call of '{_runs[run].Calls[index].Name}'", run);
        }

        var (left, right) = (_runs[0].Calls[index], _runs[run].Calls[index]);
        if (left.Site.Callee != right.Site.Callee || left.Results.Count != right.Results.Count
            || left.Arguments.Length != right.Arguments.Length)
        {
            throw Differs(right.Place, $"the call of '{right.Name}', which at others is '{left.Name}',", run);
        }

        for (var argument = 0; argument < left.Arguments.Length; argument++)
        {
            if (ArgumentComparer.Compare(left.Arguments[argument], right.Arguments[argument]) is var kind
                && kind == ArgumentDifference.Path)
            {
                throw Differs(right.Place, $"an argument of '{right.Name}'", run);
            }
            else if (kind == ArgumentDifference.Number)
            {
                _varying.Add(left);
            }
        }
    }

    private void RequireSameLength(int run)
    {
        var (calls, others) = (_runs[0].Calls, _runs[run].Calls);
        if (others.Count < calls.Count)
        {
            throw Differs(calls[others.Count].Place, $"the call of '{calls[others.Count].Name}'", run);
        }

        if (_runs[run].Outputs.Count != _runs[0].Outputs.Count
            || _runs[run].Outputs.Zip(_runs[0].Outputs).Any(pair => pair.First.Value.Id != pair.Second.Value.Id))
        {
            throw Differs(new TracePlace("", null), "the set of outputs", run);
        }
    }

    private UntraceableModuleException Differs(TracePlace place, string what, int run)
        => UntraceableModuleException.At(
            place, $"The path depends on the sizes or the values of inputs: {what} is not the same at all of "
            + $"them{At(_runs[run].Sizes)}. "
            + "A graph has one path: loop over parts of the module, not over an axis, compute with tensors instead of "
            + "branching, or fix the axis.");

    private static string At(IReadOnlyDictionary<string, long> sizes)
        => sizes.Count == 0 ? "" : $", as at {string.Join(", ", sizes.Select(size => $"{size.Key}={size.Value}"))}";
}

/// <summary>Ways in which an argument differs between runs.</summary>
internal enum ArgumentDifference
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>It is another number.</summary>
    Number,

    /// <summary>It is another object or tensor.</summary>
    Path,
}

/// <summary>Compares arguments of two runs.</summary>
internal static class ArgumentComparer
{
    /// <summary>Compares.</summary>
    public static ArgumentDifference Compare(object? left, object? right) => (left, right) switch
    {
        (null, null) => ArgumentDifference.None,
        (TracedValue a, TracedValue b) => Path(a.Id == b.Id && a.Origin == b.Origin && a.Name == b.Name),
        (TracedValue[] a, TracedValue[] b) => All(a, b),
        (TracedIndex[] a, TracedIndex[] b) => All(a, b),
        (TracedIndex a, TracedIndex b) => a.Kind != b.Kind || a.Start.HasValue != b.Start.HasValue
            || a.Stop.HasValue != b.Stop.HasValue || a.Step != b.Step || a.Tensor?.Id != b.Tensor?.Id
            ? ArgumentDifference.Path : Number(a.Start == b.Start && a.Stop == b.Stop),
        (TracedScalar a, TracedScalar b) => a.Type != b.Type
            ? ArgumentDifference.Path : Number(a.Value.Equals(b.Value)),
        (long a, long b) => Number(a == b),
        (double a, double b) => Number(a.Equals(b)),
        (long[] a, long[] b) => a.Length != b.Length
            ? ArgumentDifference.Path : Number(a.AsSpan().SequenceEqual(b)),
        (double[] a, double[] b) => Path(a.AsSpan().SequenceEqual(b)),
        (object?[] a, object?[] b) => All(a, b),
        (TorchSharp.torch.nn.Module a, TorchSharp.torch.nn.Module b) => Path(ReferenceEquals(a, b)),
        (string or bool or Enum, _) => Path(left.Equals(right)),
        _ => Path(left?.GetType() == right?.GetType()),
    };

    private static ArgumentDifference All(IReadOnlyList<object?> left, IReadOnlyList<object?> right)
        => left.Count != right.Count ? ArgumentDifference.Path
            : left.Zip(right, Compare).Append(ArgumentDifference.None).Max();

    private static ArgumentDifference Path(bool isSame) => isSame ? ArgumentDifference.None : ArgumentDifference.Path;

    private static ArgumentDifference Number(bool isSame)
        => isSame ? ArgumentDifference.None : ArgumentDifference.Number;
}
