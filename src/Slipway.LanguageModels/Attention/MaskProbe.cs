using Slipway.LanguageModels.Caching;
using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Attention;

/// <summary>Factor and mask between scores and a softmax.</summary>
/// <param name="Scale">The factor of open scores.</param>
/// <param name="Window">Positions that are seen, the own one included; null for all before.</param>
/// <param name="Softcap">The cap c of scores that become c · tanh(scale · score / c); 0 for none.</param>
internal sealed record CausalMask(float Scale, int? Window, float Softcap);

/// <summary>Finds out by evaluating what becomes of equal scores on their way to the softmax.</summary>
internal static class MaskProbe
{
    private const int FirstRows = 24;
    private const float Closed = -1e4f;

    // A cap is what scores far beyond any cap become; a factor is found where tanh bends little.
    private const float Far = 1e7f;
    private const float Tolerance = 1e-5f;
    private static readonly float[] Scores = [1, 2.5f, -7];

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
            if (Run(0, start, count) is not { } zero || (expected?.Softcap ?? FindCap(start, count)) is not { } cap
                || (expected?.Scale ?? FindScale(start, count, cap)) is not { } scale)
            {
                return null;
            }

            var bent = Array.ConvertAll(Scores, score => (Score: score, Output: Run(score, start, count)));
            var window = expected is null ? (int?)null : expected.Window ?? context;
            for (var head = 0; head < _heads; head++)
            {
                for (var row = 0; row < count; row++)
                {
                    var at = ((head * count) + row) * width;
                    window ??= Enumerable.Range(0, width).Count(column => zero[at + column] > Closed);
                    var first = start + row + 1 - Math.Min(start + row + 1, window.Value);
                    for (var column = 0; column < width; column++)
                    {
                        var value = zero[at + column];
                        var isOpen = column >= first && column <= start + row;
                        if (isOpen != value > Closed || (isOpen && (Math.Abs(value) > 1e-7f
                            || Array.Exists(bent, run => !IsClose(run.Output![at + column], run.Score, scale, cap)))))
                        {
                            return null;
                        }
                    }
                }
            }

            return new CausalMask(scale, window < context ? window : null, cap);
        }

        private static bool IsClose(float value, float score, float scale, float cap)
        {
            var expected = cap > 0 ? cap * Math.Tanh((double)scale * score / cap) : (double)scale * score;
            return Math.Abs(value - expected) <= Tolerance * Math.Abs(expected);
        }

        // The last column of a row is its own position, which every mask leaves open.
        private float? FindCap(int start, int count) => Run(Far, start, count) is not { } far ? null
            : Run(2 * Far, start, count)![start] is var further && far[start] > 0 && further > 1.5f * far[start] ? 0
            : further.Equals(far[start]) && far[start] > 0 ? far[start] : null;

        private float? FindScale(int start, int count, float cap)
        {
            var value = Run(1, start, count)![start];
            var scale = cap > 0 ? (float)(cap * Math.Atanh(value / (double)cap)) : value;
            return scale > 0 && float.IsFinite(scale) ? scale : null;
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
