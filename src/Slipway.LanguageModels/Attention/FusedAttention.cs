using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Slipway.LanguageModels.Caching;
using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.LanguageModels.Attention;

/// <summary>Attention of a traced graph that GroupQueryAttention computes.</summary>
/// <param name="Output">The traced value that it gives.</param>
/// <param name="OutputAxes">
/// Its axes, where heads come before positions; null for [batch, time, heads · head].
/// </param>
/// <param name="Query">The traced value of queries.</param>
/// <param name="Key">The traced value of keys.</param>
/// <param name="Value">The traced value of values.</param>
/// <param name="Packed">The traced value whose parts these are, side by side; null for none.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key and value heads.</param>
/// <param name="HeadDim">Elements of a head.</param>
/// <param name="Scale">Factor of scores.</param>
/// <param name="Window">Positions that are seen, the own one included; null for all.</param>
/// <param name="Softcap">The cap of scores; 0 for none.</param>
/// <param name="Rotary">The rotation of queries and keys; null where there is none, or it is outside.</param>
internal sealed record FusedAttention(
    string Output, IReadOnlyList<Axis>? OutputAxes, HeadSource Query, HeadSource Key, HeadSource Value, string? Packed,
    int Heads, int KeyHeads, int HeadDim, float Scale, int? Window, float Softcap,
    RotaryTables? Rotary);

/// <summary>A traced value that heads are read from.</summary>
/// <param name="Name">The value.</param>
/// <param name="Axes">Its axes, with the batch and the time as axes or factors of their own.</param>
internal sealed record HeadSource(string Name, IReadOnlyList<Axis> Axes);

/// <summary>Tables of a rotation.</summary>
/// <param name="Cosines">[positions, size / 2].</param>
/// <param name="Sines">[positions, size / 2].</param>
/// <param name="Size">The part of a head that is rotated.</param>
/// <param name="Interleaved">Whether neighbours are rotated together, or halves.</param>
internal sealed record RotaryTables(float[] Cosines, float[] Sines, int Size, bool Interleaved);

/// <summary>Adds the operator.</summary>
internal static class FusedAttentionEmitter
{
    public static GraphValue Emit(
        FusedAttention attention, Graph graph, StepInputs inputs, CacheStore store, Func<string, GraphValue> value)
    {
        var path = attention.Output;
        var scope = StepInputs.Scope(graph, path[..Math.Max(path.LastIndexOf('/'), 0)]);
        var key = store.Declare(attention.Key.Name, attention.KeyHeads, attention.HeadDim, isPaired: true);
        var past = store.Declare(attention.Value.Name, attention.KeyHeads, attention.HeadDim);
        var rotary = attention.Rotary;
        var attended = scope.GroupQueryAttention(
            new GroupQueryAttentionInputs
            {
                Query = attention.Packed is { } packed ? value(packed) : Flat(attention.Query),
                Key = attention.Packed is null ? Flat(attention.Key) : default,
                Value = attention.Packed is null ? Flat(attention.Value) : default,
                PastKey = new GraphValue(key.Past),
                PastValue = new GraphValue(past.Past),
                LastPositions = inputs.LastPositions,
                TotalLength = inputs.TotalLength,
                Cosines = rotary is null ? default : Table(graph, rotary.Cosines, rotary.Size / 2),
                Sines = rotary is null ? default : Table(graph, rotary.Sines, rotary.Size / 2),
            },
            key.Present, past.Present,
            new NodeAttribute.Int("num_heads", attention.Heads),
            new NodeAttribute.Int("kv_num_heads", attention.KeyHeads),
            new NodeAttribute.Float("scale", attention.Scale),
            new NodeAttribute.Int("do_rotary", rotary is null ? 0 : 1),
            new NodeAttribute.Int("rotary_interleaved", rotary is { Interleaved: true } ? 1 : 0),
            new NodeAttribute.Int("local_window_size", attention.Window ?? -1),
            new NodeAttribute.Float("softcap", attention.Softcap));
        return attention.OutputAxes is null ? attended : new Arrangement(scope, inputs).Reshape(
            scope.Transpose(scope.Reshape(attended, 0, 0, attention.Heads, attention.HeadDim), 0, 2, 1, 3),
            [Axis.Batch, Axis.Fixed(attention.Heads), Axis.Time, Axis.Fixed(attention.HeadDim)],
            attention.OutputAxes, Span.New);

        // [batch, time, heads · head]
        GraphValue Flat(HeadSource source)
        {
            if (source.Axes is [{ IsBatch: true }, { IsTime: true }, { IsFixed: true }])
            {
                return value(source.Name);
            }

            Arrangement arrangement = new(scope, inputs);
            Axis[] apart = [.. source.Axes.SelectMany(axis => axis.Factors).Select(factor => new Axis([factor]))];
            int[] order =
            [
                Array.FindIndex(apart, axis => axis.IsBatch), Array.FindIndex(apart, axis => axis.IsTime),
                .. Enumerable.Range(0, apart.Length).Where(axis => apart[axis].IsFixed),
            ];
            var split = arrangement.Reshape(value(source.Name), source.Axes, apart, Span.New);
            return scope.Reshape(arrangement.Permute(split, order), 0, 0, -1);
        }
    }

    // Layers share equal tables.
    private static GraphValue Table(Graph graph, float[] elements, int columns)
    {
        var bytes = MemoryMarshal.AsBytes<float>(elements).ToArray();
        var name = $"/constants/rotary/{Convert.ToHexString(SHA256.HashData(bytes))[..16]}";
        return graph.FindInitializer(name) is null
            ? graph.AddInitializer(new Initializer(
                name, ElementType.Float32, [elements.Length / columns, columns], new TensorData.Inline(bytes)))
            : new GraphValue(name);
    }
}
