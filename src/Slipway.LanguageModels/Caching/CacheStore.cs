using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.LanguageModels.Caching;

/// <summary>A tensor that a graph of steps keeps, [batch, heads, capacity, size].</summary>
/// <param name="Past">The input.</param>
/// <param name="Present">The output, of the same memory.</param>
/// <param name="Heads">The second axis.</param>
/// <param name="Size">The last axis.</param>
/// <param name="Source">The value of the traced graph that it keeps.</param>
/// <param name="IsPaired">Whether the next one belongs to it, as values to keys.</param>
internal sealed record CacheEntry(
    string Past, string Present, long Heads, long Size, string Source, bool IsPaired = false);

/// <summary>Keeps values of earlier tokens, and puts them together with those of new ones.</summary>
internal sealed class CacheStore(Graph graph, StepInputs inputs, Arrangement arrangement)
{
    private readonly List<CacheEntry> _entries = [];
    private readonly NodeScope _scope = StepInputs.Scope(graph, "/cache/");

    /// <summary>The tensors that are kept, in the order in which it was declared.</summary>
    public IReadOnlyList<CacheEntry> Entries => _entries;

    /// <summary>Tells whether a value has one axis of rows and one of positions, so that it can be kept.</summary>
    public static bool CanKeep(ValueFacts facts)
        => facts.IsKnown && Factors(facts).Count(factor => factor.Kind == FactorKind.Batch) == 1
            && Factors(facts).Count(factor => factor.Kind is FactorKind.Time or FactorKind.Longer) == 1
            && !facts.Axes.Any(axis => axis!.IsLonger);

    /// <summary>Tells whether a value has the axes of a cache.</summary>
    public static bool IsDirect(ValueFacts facts)
        => facts.Axes is [{ IsBatch: true }, { IsFixed: true }, { IsTime: true }, { IsFixed: true }];

    /// <summary>Elements of a token.</summary>
    public static long SizeOf(ValueFacts facts) => Factors(facts).Where(factor => factor.Kind == FactorKind.Fixed)
        .Aggregate(1L, (product, factor) => product * factor.Size);

    /// <summary>Declares a cache that an operator keeps itself.</summary>
    public CacheEntry Declare(string source, long heads, long size, bool isPaired = false)
    {
        CacheEntry entry = new($"past.{_entries.Count}", $"present.{_entries.Count}", heads, size, source, isPaired);
        _ = graph.AddInput(entry.Past, ElementType.Float32, "batch", heads, "past", size);
        _entries.Add(entry);
        return entry;
    }

    /// <summary>Keeps a value.</summary>
    /// <param name="source">Its name in the traced graph.</param>
    /// <param name="facts">What is known of it.</param>
    /// <param name="value">Those of the new tokens.</param>
    /// <returns>Those of all tokens.</returns>
    public GraphValue Keep(string source, ValueFacts facts, GraphValue value)
    {
        var type = (ElementType)facts.Type;
        var axes = facts.Axes.Select(axis => axis!).ToArray();

        // Every factor as an axis of its own, then [batch, …, time, …].
        Axis[] apart = [.. Factors(facts).Select(factor => new Axis([factor]))];
        var (row, column) = (Array.FindIndex(apart, axis => axis.IsBatch), Array.FindIndex(apart, axis => axis.IsTime));
        int[] before = [.. Enumerable.Range(0, column).Where(axis => axis != row)];
        int[] after = [.. Enumerable.Range(column + 1, apart.Length - column - 1).Where(axis => axis != row)];
        int[] order = [row, .. before, column, .. after];
        Axis[] ordered = [.. order.Select(axis => apart[axis])];
        long Product(int[] some) => some.Aggregate(1L, (product, axis) => product * apart[axis].FixedSize);
        var (heads, size) = (Product(before), Product(after));
        Axis[] cached = [Axis.Batch, Axis.Fixed(heads), Axis.Time, Axis.Fixed(size)];
        var isDirect = IsDirect(facts);
        if (!isDirect)
        {
            value = arrangement.Reshape(value, axes, apart, Span.New);
            value = arrangement.Reshape(arrangement.Permute(value, order), ordered, cached, Span.New);
        }

        value = type == ElementType.Float32 ? value : _scope.Cast(value, ElementType.Float32);
        var entry = Declare(source, heads, size);
        var present = _scope.AddNode(
            OnnxModel.StandardDomain, "ScatterND", [new GraphValue(entry.Past), inputs.Places(heads), value],
            [$"={entry.Present}"], [])[0];
        var whole = _scope.Slice(present, _scope.Ints(0), inputs.Longest, _scope.Ints(2));
        whole = type == ElementType.Float32 ? whole : _scope.Cast(whole, type);
        if (isDirect)
        {
            return whole;
        }

        whole = arrangement.Reshape(whole, cached, ordered, Span.Whole);
        whole = arrangement.Permute(
            whole, [.. Enumerable.Range(0, order.Length).Select(axis => Array.IndexOf(order, axis))]);
        return arrangement.Reshape(whole, apart, axes, Span.Whole);
    }

    private static IEnumerable<Factor> Factors(ValueFacts facts) => facts.Axes.SelectMany(axis => axis!.Factors);
}
