using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Attention;

/// <summary>Way of heads from the value that they are read from.</summary>
/// <param name="Source">The value.</param>
/// <param name="Heads">Heads of that value.</param>
/// <param name="Scale">The factor that they get on the way.</param>
/// <param name="Rotary">The rotation on the way; null for none.</param>
internal sealed record HeadForm(HeadSource Source, int Heads, float Scale, RotaryTables? Rotary);

/// <summary>Finds the value that an operand of attention is rearranged, rotated and repeated from.</summary>
internal sealed class HeadProbe(GraphFacts facts, int context)
{
    private const float Tolerance = 2e-5f;

    /// <summary>Finds the form of an operand; null where nothing simple gives it.</summary>
    /// <param name="operand">The operand: [batch, heads, time, head], or with the last two swapped.</param>
    /// <param name="isTurned">Whether they are swapped.</param>
    /// <param name="heads">The axes of query heads, the one of the batch among them.</param>
    /// <param name="headDim">Elements of a head.</param>
    /// <param name="allowsRotary">Whether a rotation may be on the way.</param>
    public HeadForm? Find(string operand, bool isTurned, IReadOnlyList<long> heads, int headDim, bool allowsRotary)
    {
        if (OwnHeads(facts[operand], heads) is not { } own)
        {
            return null;
        }

        foreach (var source in Sources(operand, allowsRotary))
        {
            if (Read(source, operand, isTurned, own, headDim) is { } form)
            {
                return form;
            }
        }

        return null;
    }

    // One head of keys serves the queries that it is broadcast to, where they are neighbours.
    private static int? OwnHeads(ValueFacts operand, IReadOnlyList<long> heads)
    {
        if (!operand.IsKnown || operand.Rank - 2 > heads.Count)
        {
            return null;
        }

        long[] own =
        [
            .. Enumerable.Repeat(1L, heads.Count - operand.Rank + 2),
            .. operand.Axes.SkipLast(2).Select(axis => axis!.FixedSize),
        ];
        var same = own.Zip(heads).TakeWhile(pair => pair.First == pair.Second).Count();
        return own.Skip(same).All(size => size == 1) ? (int)own.Aggregate(1L, (product, size) => product * size) : null;
    }

    // Values through which all ways to the operand lead, from the furthest to the nearest.
    private List<string> Sources(string operand, bool allowsRotary)
    {
        var order = facts.Graph.Nodes.Select((node, index) => (node, index)).ToDictionary(
            pair => pair.node, pair => pair.index);
        List<string> found = [];
        HashSet<string> open = [operand];
        while (true)
        {
            if (open.Count == 1 && IsSource(open.Single()))
            {
                found.Add(open.Single());
                if (facts[open.Single()].Axes is [{ IsBatch: true }, { IsTime: true }, { IsFixed: true }])
                {
                    break;
                }
            }

            var last = open.Where(value => facts.Maker(value) is not null)
                .MaxBy(value => order[facts.Maker(value)!]);
            if (last is null || !Passes(facts.Maker(last)!, allowsRotary))
            {
                break;
            }

            open.Remove(last);
            open.UnionWith(facts.Maker(last)!.Inputs.Where(input => input.Length > 0 && facts[input].DependsOnIds));
        }

        found.Reverse();
        return found;
    }

    private bool IsSource(string value)
        => facts[value] is { IsKnown: true } known && Caching.CacheStore.CanKeep(known);

    private bool Passes(Node node, bool allowsRotary)
    {
        if (AxisRules.IsMoving(node) || (node.OpType == "Cast" && facts[node.Outputs[0]].Type
            == facts[node.Inputs[0]].Type))
        {
            return true;
        }

        return allowsRotary && (node.OpType is "Concat" or "Slice" or "Split" or "Gather" or "Neg" or "Add" or "Sub"
            || (node.OpType is "Mul" or "Div" && node.Inputs.Count(input => facts[input].DependsOnIds) == 1));
    }

    private HeadForm? Read(string source, string operand, bool isTurned, int heads, int headDim)
    {
        var axes = facts[source].Axes.Select(axis => axis!).ToArray();
        var size = axes.Aggregate(1L, (product, axis) => product * axis.FixedSize);
        if (size % headDim != 0 || heads % (size / headDim) != 0)
        {
            return null;
        }

        var own = (int)(size / headDim);
        using GraphSession session = new(
            facts.Model with { Graph = GraphPart.Take(facts.Graph, [(source, axes.Length)], [operand]) },
            facts.Folder);
        Run run = new(session, facts.Ids, source, operand, axes, facts[operand], isTurned, heads, own, headDim);

        // What element 0 of a head becomes at the second position tells the kind of rotation.
        var few = Math.Min(3, context);
        if (Kind(run, few, headDim) is not { } kind)
        {
            return null;
        }

        var rotary = kind.Size == 0 ? null : Tables(run, kind, headDim);
        var scale = kind.Scale;
        Random random = new(7);
        var length = kind.Size == 0 ? few : context;
        var input = Enumerable.Range(0, own * length * headDim).Select(_ => (random.NextSingle() * 2) - 1).ToArray();
        return run.Of(input, length) is { } output && IsSame(input, output, run, scale, rotary, length)
            ? new HeadForm(new HeadSource(source, axes), own, scale, rotary) : null;
    }

    private static (float Scale, int Size, bool Interleaved)? Kind(Run run, int length, int headDim)
    {
        var partners = new int[headDim];
        float scale = 0;
        for (var element = 0; element < headDim; element++)
        {
            var input = new float[run.OwnHeads * length * headDim];
            for (var position = 0; position < length; position++)
            {
                input[(position * headDim) + element] = 1;
            }

            if (run.Of(input, length) is not { } output)
            {
                return null;
            }

            // At position 0 nothing is rotated.
            scale = element == 0 ? output[0] : scale;
            if (Math.Abs(output[element] - scale) > Tolerance * Math.Abs(scale))
            {
                return null;
            }

            partners[element] = -1;
            for (var other = 0; other < headDim && length > 1; other++)
            {
                if (other != element && Math.Abs(output[headDim + other]) > 1e-9f)
                {
                    if (partners[element] >= 0)
                    {
                        return null;
                    }

                    partners[element] = other;
                }
            }
        }

        var size = partners.Count(partner => partner >= 0);
        if (scale == 0 || size == 0)
        {
            return scale == 0 ? null : (scale, 0, false);
        }

        var isInterleaved = partners[0] == 1 && size > 2;
        return Enumerable.Range(0, headDim).All(element => partners[element] == (
            element >= size ? -1 : isInterleaved ? element ^ 1
            : element < size / 2 ? element + (size / 2) : element - (size / 2))) ? (scale, size, isInterleaved) : null;
    }

    private RotaryTables? Tables(Run run, (float Scale, int Size, bool Interleaved) kind, int headDim)
    {
        var half = kind.Size / 2;
        var input = new float[run.OwnHeads * context * headDim];
        for (var position = 0; position < context; position++)
        {
            for (var pair = 0; pair < half; pair++)
            {
                input[(position * headDim) + First(pair)] = 1;
            }
        }

        var output = run.Of(input, context)!;
        var (cosines, sines) = (new float[context * half], new float[context * half]);
        for (var position = 0; position < context; position++)
        {
            for (var pair = 0; pair < half; pair++)
            {
                var at = position * headDim;
                cosines[(position * half) + pair] = output[at + First(pair)] / kind.Scale;
                sines[(position * half) + pair] = output[at + Second(pair)] / kind.Scale;
            }
        }

        return new RotaryTables(cosines, sines, kind.Size, kind.Interleaved);

        int First(int pair) => kind.Interleaved ? 2 * pair : pair;
        int Second(int pair) => kind.Interleaved ? (2 * pair) + 1 : pair + half;
    }

    private static bool IsSame(
        float[] input, float[] output, Run run, float scale, RotaryTables? rotary, int length)
    {
        var (headDim, half) = (run.HeadDim, (rotary?.Size ?? 0) / 2);
        for (var head = 0; head < run.Heads; head++)
        {
            var own = head / (run.Heads / run.OwnHeads);
            for (var position = 0; position < length; position++)
            {
                var expected = input.AsSpan(((own * length) + position) * headDim, headDim).ToArray();
                for (var pair = 0; pair < half; pair++)
                {
                    var (first, second) = rotary!.Interleaved ? (2 * pair, (2 * pair) + 1) : (pair, pair + half);
                    var (x, y) = (expected[first], expected[second]);
                    var (cosine, sine) = (
                        rotary.Cosines[(position * half) + pair], rotary.Sines[(position * half) + pair]);
                    (expected[first], expected[second]) = ((x * cosine) - (y * sine), (y * cosine) + (x * sine));
                }

                for (var element = 0; element < headDim; element++)
                {
                    var actual = output[(((head * length) + position) * headDim) + element];
                    if (!(Math.Abs(actual - (expected[element] * scale)) <= Tolerance * Math.Abs(scale)))
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    // Runs from a source to an operand, both as [heads, time, head].
    private sealed class Run(
        GraphSession session, string ids, string source, string operand, Axis[] axes, ValueFacts result, bool isTurned,
        int heads, int own, int headDim)
    {
        public int Heads => heads;

        public int OwnHeads => own;

        public int HeadDim => headDim;

        public float[]? Of(float[] input, int length)
        {
            var before = axes.TakeWhile(axis => !axis.HasTime).Aggregate(
                1L, (product, axis) => product * axis.FixedSize);
            long[] shape = [.. axes.Select(axis => axis.FixedSize * (axis.HasTime ? length : 1))];
            var laid = new float[input.Length];

            // Fixed factors before the time are heads, those behind it elements, or heads and elements.
            for (var head = 0; head < own; head++)
            {
                for (var position = 0; position < length; position++)
                {
                    var to = before == own ? ((head * length) + position) * headDim
                        : ((position * own) + head) * headDim;
                    input.AsSpan(((head * length) + position) * headDim, headDim).CopyTo(laid.AsSpan(to));
                }
            }

            if (before != 1 && before != own)
            {
                return null;
            }

            Dictionary<string, Numbers> inputs = new(StringComparer.Ordinal) { [source] = Numbers.Of(laid, shape) };
            if (session.Session.InputMetadata.ContainsKey(ids))
            {
                inputs[ids] = Numbers.Of(new long[length], 1, length);
            }

            using var results = session.Run(inputs, [operand]);
            var output = Numbers.Read(results[0]);
            if (output.Length != heads * length * headDim || !IsHeads(result))
            {
                return null;
            }

            if (!isTurned)
            {
                return output;
            }

            var straight = new float[output.Length];
            for (var head = 0; head < heads; head++)
            {
                for (var position = 0; position < length; position++)
                {
                    for (var element = 0; element < headDim; element++)
                    {
                        straight[(((head * length) + position) * headDim) + element] =
                            output[(((head * headDim) + element) * length) + position];
                    }
                }
            }

            return straight;
        }

        private bool IsHeads(ValueFacts value) => value.Rank > 2
            && value.Axes[isTurned ? ^1 : ^2] is { IsTime: true }
            && value.Axes[isTurned ? ^2 : ^1] is { IsFixed: true };
    }
}
