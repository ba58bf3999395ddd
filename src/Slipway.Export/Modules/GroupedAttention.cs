using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Causal self-attention whose query heads share key and value heads in groups, with rotary positions.</summary>
internal sealed record GroupedAttention
{
    public required int HiddenSize { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadSize { get; init; }

    /// <summary>Whether the query, key and value layers have biases.</summary>
    public bool InputBias { get; init; }

    /// <summary>Whether the output layer has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>The epsilon of the norms over each query and key head; null where there are none.</summary>
    public float? HeadNormEpsilon { get; init; }

    /// <summary>The epsilon of the norms over all query heads and all key heads together; null where there are none.</summary>
    public float? WholeNormEpsilon { get; init; }

    /// <summary>What is added to the weights of the norms.</summary>
    public float NormOffset { get; init; }

    /// <summary>Whether the checkpoint has query, key and value in one layer, <c>qkv_proj</c>.</summary>
    public bool StoredPacked { get; init; }

    /// <summary>What the output is multiplied by; folded into the output layer.</summary>
    public float OutputScale { get; init; } = 1;

    /// <summary>Bends scores to lie between −softcap and softcap; 0 for none.</summary>
    public float Softcap { get; init; }

    /// <summary>What scores are multiplied by; null for 1/√(head size).</summary>
    public float? Scale { get; init; }

    /// <summary>How many of the last positions are seen, the own one included; null for all.</summary>
    public int? Window { get; init; }

    public GraphValue Build(ModuleScope scope, GraphValue x, DecoderInputs inputs, RotaryTable? rotary, int layer)
    {
        (GraphValue query, GraphValue key, GraphValue value) = HeadNormEpsilon is null && WholeNormEpsilon is null
            ? (Packed(scope, x), default, default)
            : Normed(scope, x);
        (GraphValue pastKey, GraphValue pastValue) = inputs.Past(layer, KeyValueHeads, HeadSize);
        (string presentKey, string presentValue) = inputs.Present(layer, KeyValueHeads, HeadSize);
        GraphValue attended = scope.GroupQueryAttention(
            new GroupQueryAttentionInputs
            {
                Query = query,
                Key = key,
                Value = value,
                PastKey = pastKey,
                PastValue = pastValue,
                LastPositions = inputs.LastPositions,
                TotalLength = inputs.TotalLength,
                Cosines = rotary?.Cosines ?? default,
                Sines = rotary?.Sines ?? default,
            },
            presentKey, presentValue,
            new NodeAttribute.Int("num_heads", Heads),
            new NodeAttribute.Int("kv_num_heads", KeyValueHeads),
            new NodeAttribute.Float("scale", Scale ?? (float)(1 / Math.Sqrt(HeadSize))),
            new NodeAttribute.Int("do_rotary", rotary is null ? 0 : 1),
            new NodeAttribute.Int("rotary_interleaved", 0),
            new NodeAttribute.Int("local_window_size", Window ?? -1),
            new NodeAttribute.Float("softcap", Softcap));
        return scope["o_proj"].Linear(attended, Heads * HeadSize, HiddenSize, OutputBias, OutputScale);
    }

    private GraphValue Packed(ModuleScope scope, GraphValue x) => StoredPacked
        ? scope["qkv_proj"].Linear(x, HiddenSize, (Heads + (2 * KeyValueHeads)) * HeadSize, InputBias)
        : scope.PackedLinear(
            "qkv_proj", x, HiddenSize, InputBias,
            ("q_proj", Heads * HeadSize), ("k_proj", KeyValueHeads * HeadSize), ("v_proj", KeyValueHeads * HeadSize));

    private (GraphValue Query, GraphValue Key, GraphValue Value) Normed(ModuleScope scope, GraphValue x)
    {
        GraphValue query = scope["q_proj"].Linear(x, HiddenSize, Heads * HeadSize, InputBias);
        GraphValue key = scope["k_proj"].Linear(x, HiddenSize, KeyValueHeads * HeadSize, InputBias);
        GraphValue value = scope["v_proj"].Linear(x, HiddenSize, KeyValueHeads * HeadSize, InputBias);
        return (Norm(scope["q_norm"], query, Heads), Norm(scope["k_norm"], key, KeyValueHeads), value);

        GraphValue Norm(ModuleScope norm, GraphValue states, int heads)
        {
            if (WholeNormEpsilon is { } whole)
            {
                return norm.RmsNorm(states, heads * HeadSize, whole, NormOffset);
            }

            GraphValue split = norm.Reshape(states, 0, 0, heads, HeadSize);
            GraphValue normed = norm.RmsNorm(split, HeadSize, HeadNormEpsilon!.Value, NormOffset);
            return norm.Reshape(normed, 0, 0, heads * HeadSize);
        }
    }
}
