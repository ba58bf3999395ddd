using Slipway.LanguageModels.Caching;
using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Attention;

/// <summary>Factor and mask between scores and a softmax.</summary>
/// <param name="Scale">The factor of open scores.</param>
/// <param name="Window">Positions that are seen, the own one included; null for all before.</param>
internal sealed record CausalMask(float Scale, int? Window);

/// <summary>Finds out by evaluating what becomes of scores of 0 and of 1 on their way to the softmax.</summary>
internal static class MaskProbe
{
    private const int FirstRows = 24;
    private const float Closed = -1e4f;

    /// <summary>Finds the factor and the mask; null where scores are bent, biased or seen in another way.</summary>
    /// <param name="facts">The traced graph.</param>
    /// <param name="steps">The graph of steps in which attention is written out.</param>
    /// <param name="site">The attention.</param>
    /// <param name="context">The longest sequence.</param>
    public static CausalMask? Find(GraphFacts facts, CachedGraph steps, AttentionSite site, int context)
    {
        if (steps.NameOf(site.Scores.Outputs[0]) is not { } scores || steps.NameOf(site.Weights) is not { } weights)
        {
            return null;
        }

        if (scores == weights)
        {
            return null;
        }

        var part = GraphPart.Take(steps.Graph, [(scores, facts[site.Scores.Outputs[0]].Rank)], [weights]);
        if (part.Inputs.Any(port => port.Name != scores && port.Name is not ("input_ids" or "attention_mask")))
        {
            return null;
        }

        using GraphSession session = new(new OnnxModel(part), facts.Folder);
        Probe probe = new(session, facts[site.Scores.Outputs[0]], part, scores, weights);

        // The last row sees the most; the first ones, and some between, must agree with it.
        CausalMask? found = null;
        (int Start, int Count)[] rows =
        [
            (context - 1, 1), (0, Math.Min(FirstRows, context)), (context / 2, 1), (context / 3, 1),
            (context * 3 / 4, 1),
        ];
        foreach (var (start, count) in rows)
        {
            if (probe.Read(start, count, found, context) is not { } mask)
            {
                return null;
            }

            found ??= mask;
        }

        return found;
    }

    private sealed class Probe(
        GraphSession session, ValueFacts facts, Graph part, string scores, string weights)
    {
        private readonly long _heads = facts.Axes.Take(facts.Rank - 2).Aggregate(
            1L, (product, axis) => product * axis!.FixedSize);

        public CausalMask? Read(int start, int count, CausalMask? expected, int context)
        {
            var width = start + count;
            var (zero, one, more) = (Run(0, start, count), Run(1, start, count), Run(2.5f, start, count));
            if (zero is null || one is null || more is null)
            {
                return null;
            }

            var scale = expected?.Scale;
            var window = expected is null ? (int?)null : expected.Window ?? context;
            for (var head = 0; head < _heads; head++)
            {
                for (var row = 0; row < count; row++)
                {
                    var at = ((head * count) + row) * width;
                    var open = Enumerable.Range(0, width).Count(column => one[at + column] > Closed);
                    window ??= open;
                    var first = start + row + 1 - Math.Min(start + row + 1, window.Value);
                    for (var column = 0; column < width; column++)
                    {
                        var isOpen = one[at + column] > Closed;
                        if (isOpen != (column >= first && column <= start + row))
                        {
                            return null;
                        }

                        scale ??= isOpen ? one[at + column] : null;
                        if (isOpen && (Math.Abs(zero[at + column]) > 1e-7f || one[at + column] != scale
                            || Math.Abs(more[at + column] - (2.5f * scale!.Value)) > 1e-5f * Math.Abs(scale.Value)))
                        {
                            return null;
                        }
                    }
                }
            }

            return scale is > 0 ? new CausalMask(scale.Value, window < context ? window : null) : null;
        }

        private float[]? Run(float score, int start, int count)
        {
            var width = start + count;
            Dictionary<string, Numbers> inputs = new(StringComparer.Ordinal);
            long[] shape = [.. facts.Axes.Take(facts.Rank - 2).Select(axis => axis!.FixedSize), count, width];
            inputs[scores] = Numbers.Of([.. Enumerable.Repeat(score, (int)(_heads * count * width))], shape);
            foreach (var port in part.Inputs.Where(port => port.Name != scores))
            {
                inputs[port.Name] = port.Name == "input_ids"
                    ? Numbers.Of(new long[count], 1, count)
                    : Numbers.Of([.. Enumerable.Repeat(1L, width)], 1, width);
            }

            using var result = session.Run(inputs, [weights]);
            var values = Numbers.Read(result[0]);
            return values.Length == _heads * count * width ? values : null;
        }
    }
}
