using Slipway.LanguageModels.Caching;
using Slipway.LanguageModels.Shapes;

namespace Slipway.LanguageModels.Attention;

/// <summary>Finds the attention that GroupQueryAttention computes, by evaluating parts of the graph.</summary>
internal static class AttentionFinder
{
    // ONNX Runtime takes heads of a multiple of 8 and rotates multiples of 16 elements.
    private const int HeadStep = 8;
    private const int RotaryStep = 16;

    /// <summary>Finds.</summary>
    /// <param name="facts">The traced graph.</param>
    /// <param name="steps">The graph of steps in which attention is written out.</param>
    /// <param name="context">The longest sequence.</param>
    public static IReadOnlyList<FusedAttention> Find(GraphFacts facts, CachedGraph steps, int context)
        => [.. AttentionSite.FindAll(facts).Select(site => Read(facts, steps, site, context)).OfType<FusedAttention>()];

    private static FusedAttention? Read(GraphFacts facts, CachedGraph steps, AttentionSite site, int context)
    {
        var (query, key) = (site.Scores.Inputs[0], site.Scores.Inputs[1]);
        long[] headAxes = [.. facts[site.Scores.Outputs[0]].Axes.SkipLast(2).Select(axis => axis!.FixedSize)];
        var heads = (int)headAxes.Aggregate(1L, (product, size) => product * size);
        if (facts[query].Axes is not [.., { IsFixed: true } width] || width.FixedSize % HeadStep != 0
            || facts[site.Product.Inputs[1]].Axes is not [.., { IsFixed: true } other]
            || other.FixedSize != width.FixedSize
            || MaskProbe.Find(facts, steps, site, context) is not { } mask)
        {
            return null;
        }

        var headDim = (int)width.FixedSize;
        HeadProbe probe = new(facts, context);
        if (probe.Find(site.Product.Inputs[1], isTurned: false, headAxes, headDim, allowsRotary: false)
            is not { } values)
        {
            return null;
        }

        foreach (var allowsRotary in (bool[])[true, false])
        {
            if (probe.Find(query, isTurned: false, headAxes, headDim, allowsRotary) is { } queries
                && probe.Find(key, isTurned: true, headAxes, headDim, allowsRotary) is { } keys
                && queries.Heads == heads && keys.Heads == values.Heads && values.Scale.Equals(1f)
                && IsSame(queries.Rotary, keys.Rotary)
                && (queries.Rotary is null || queries.Rotary.Size % RotaryStep == 0))
            {
                // Scores are scaled before they are capped, on whichever side.
                var scale = mask.Scale * queries.Scale * keys.Scale;
                var (output, axes) = Output(facts, site, heads, headDim);
                return new FusedAttention(
                    output, axes, queries.Source, keys.Source, values.Source,
                    Packed(facts, queries.Source, keys.Source, values.Source), heads, keys.Heads, headDim, scale,
                    mask.Window, mask.Softcap, queries.Rotary);
            }
        }

        return null;
    }

    // Queries, keys and values side by side, in this order.
    private static string? Packed(GraphFacts facts, params HeadSource[] sources)
        => facts.Maker(sources[0].Name) is { OpType: "Split" } split
            && split.Outputs.SequenceEqual(sources.Select(source => source.Name))
            && sources[0].Axes is [{ IsBatch: true }, { IsTime: true }, { IsFixed: true }]
            && AxisRules.Positive(AxisRules.Int(split, "axis", 0), sources[0].Axes.Count) == sources[0].Axes.Count - 1
            ? split.Inputs[0] : null;

    private static bool IsSame(RotaryTables? one, RotaryTables? other)
        => one is null ? other is null : other is not null && one.Interleaved == other.Interleaved
            && one.Size == other.Size && one.Cosines.AsSpan().SequenceEqual(other.Cosines)
            && one.Sines.AsSpan().SequenceEqual(other.Sines);

    // Heads are put side by side again, [batch, time, heads · head], as the operator gives them.
    private static (string Output, IReadOnlyList<Axis>? Axes) Output(
        GraphFacts facts, AttentionSite site, int heads, int headDim)
    {
        var product = site.Product.Outputs[0];
        for (var value = product; facts.Uses(value) == 1;)
        {
            var node = facts.Graph.Nodes.First(other => other.Inputs.Contains(value));
            if (!AxisRules.IsMoving(node) || !facts[node.Outputs[0]].IsKnown)
            {
                break;
            }

            value = node.Outputs[0];
            if (facts[value].Axes is [{ IsBatch: true }, { IsTime: true }, { IsFixed: true }]
                && IsJoined(facts, product, value, heads, headDim))
            {
                return (value, null);
            }
        }

        return (product, [.. facts[product].Axes.Select(axis => axis!)]);
    }

    private static bool IsJoined(GraphFacts facts, string product, string joined, int heads, int headDim)
    {
        const int Length = 3;
        using GraphSession session = new(
            facts.Model with { Graph = GraphPart.Take(facts.Graph, [(product, facts[product].Rank)], [joined]) },
            facts.Folder);
        float[] numbers = [.. Enumerable.Range(0, heads * Length * headDim).Select(number => (float)number)];
        Dictionary<string, Numbers> inputs = new(StringComparer.Ordinal)
        {
            [product] = Numbers.Of(numbers, [.. facts[product].Axes.Select(axis =>
                axis!.FixedSize * (axis.HasTime ? Length : 1))]),
        };
        if (session.Session.InputMetadata.ContainsKey(facts.Ids))
        {
            inputs[facts.Ids] = Numbers.Of(new long[Length], 1, Length);
        }

        using var results = session.Run(inputs, [joined]);
        var output = Numbers.Read(results[0]);
        for (var position = 0; position < Length; position++)
        {
            for (var head = 0; head < heads; head++)
            {
                for (var element = 0; element < headDim; element++)
                {
                    if (!output[(((position * heads) + head) * headDim) + element].Equals(
                        numbers[(((head * Length) + position) * headDim) + element]))
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }
}
