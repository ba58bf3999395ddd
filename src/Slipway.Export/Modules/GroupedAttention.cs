using Slipway.Export.Modules.Rotary;
using Slipway.Export.Weights;
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

    /// <summary>The part of a head that turns with its position.</summary>
    public required int RotarySize { get; init; }

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

    /// <summary>
    /// Whether the query layer makes a gate too, after each head's query; its sigmoid multiplies the head's output.
    /// </summary>
    public bool OutputGate { get; init; }

    /// <summary>Whether each head has a score that takes part in its softmax without a value, <c>sinks</c>.</summary>
    public bool Sinks { get; init; }

    public GraphValue Build(ModuleScope scope, GraphValue x, DecoderInputs inputs, RotaryTable? rotary, int layer)
    {
        IReadOnlyList<int>? order = rotary is null ? null : RotaryOrder.Find(HeadSize, RotarySize);
        (GraphValue query, GraphValue key, GraphValue value) = HeadNormEpsilon is null && WholeNormEpsilon is null
            ? (Packed(scope, x, order), default, default)
            : Normed(scope, x, order);
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
                Sinks = Sinks ? scope.Vector("sinks", Heads) : default,
            },
            presentKey, presentValue,
            new NodeAttribute.Int("num_heads", Heads),
            new NodeAttribute.Int("kv_num_heads", KeyValueHeads),
            new NodeAttribute.Float("scale", Scale ?? (float)(1 / Math.Sqrt(HeadSize))),
            new NodeAttribute.Int("do_rotary", rotary is null ? 0 : 1),
            new NodeAttribute.Int("rotary_interleaved", 0),
            new NodeAttribute.Int("local_window_size", Window ?? -1),
            new NodeAttribute.Float("softcap", Softcap));
        if (OutputGate)
        {
            ModuleScope gate = scope["gate"];
            attended = gate.Mul(attended, gate.Sigmoid(Interleaved(scope, gate, x, 1, null)));
        }

        return scope["o_proj"].Linear(attended, Heads * HeadSize, HiddenSize, OutputBias, OutputScale);
    }

    private GraphValue Packed(ModuleScope scope, GraphValue x, IReadOnlyList<int>? head)
    {
        int turning = (Heads + KeyValueHeads) * HeadSize, outputs = turning + (KeyValueHeads * HeadSize);
        int[]? order = head is null ? null
            : [.. RotaryOrder.Repeat(head, Heads + KeyValueHeads), .. Enumerable.Range(turning, outputs - turning)];
        return StoredPacked
            ? scope["qkv_proj"].Linear(x, HiddenSize, outputs, InputBias, order: order)
            : scope.PackedLinear(
                "qkv_proj", x, HiddenSize, InputBias, order,
                ("q_proj", Heads * HeadSize), ("k_proj", KeyValueHeads * HeadSize),
                ("v_proj", KeyValueHeads * HeadSize));
    }

    private (GraphValue Query, GraphValue Key, GraphValue Value) Normed(
        ModuleScope scope, GraphValue x, IReadOnlyList<int>? head)
    {
        GraphValue value = scope["v_proj"].Linear(x, HiddenSize, KeyValueHeads * HeadSize, InputBias);
        return (Turning("q", Heads), Turning("k", KeyValueHeads), value);

        GraphValue Turning(string name, int heads)
        {
            int[]? order = head is null ? null : [.. RotaryOrder.Repeat(head, heads)];
            GraphValue states = OutputGate && name == "q"
                ? Interleaved(scope, scope["query"], x, 0, head)
                : scope[$"{name}_proj"].Linear(x, HiddenSize, heads * HeadSize, InputBias, order: order);
            ModuleScope norm = scope[$"{name}_norm"];
            if (WholeNormEpsilon is { } whole)
            {
                return norm.RmsNorm(states, heads * HeadSize, whole, NormOffset, order);
            }

            GraphValue split = norm.Reshape(states, 0, 0, heads, HeadSize);
            GraphValue normed = norm.RmsNorm(split, HeadSize, HeadNormEpsilon!.Value, NormOffset, head);
            return norm.Reshape(normed, 0, 0, heads * HeadSize);
        }
    }

    // One of two parts of each head's rows in the query layer: the query, then the gate.
    private GraphValue Interleaved(
        ModuleScope scope, ModuleScope target, GraphValue x, int part, IReadOnlyList<int>? head)
    {
        int rows = 2 * Heads * HeadSize;
        head ??= [.. Enumerable.Range(0, HeadSize)];
        int[] order =
        [
            .. Enumerable.Range(0, Heads)
                .SelectMany(index => head.Select(row => (((2 * index) + part) * HeadSize) + row)),
        ];
        GraphValue bias = default;
        if (InputBias)
        {
            float[] values = scope["q_proj"].ReadVector("bias", rows);
            bias = target.StoreVector("bias", [.. order.Select(row => values[row])]);
        }

        Weight both = scope["q_proj"].Read("weight", rows, HiddenSize);
        return target.Store("weight", new PermutedWeight(both, order)).Multiply(target, x, bias);
    }
}
