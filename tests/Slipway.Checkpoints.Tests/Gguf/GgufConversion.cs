using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Slipway.Checkpoints.Tests.Gguf;

// Writes a Hugging Face checkpoint as the GGUF file that llama.cpp's converter makes of it: names, metadata, and how
// tensors are rearranged. Matrices are rounded to the types that typeOf gives for names and columns; null for F32.
internal sealed partial class GgufConversion(
    Checkpoint source, string architecture, Func<string, long, string?>? typeOf = null)
{
    private static readonly Dictionary<string, string> Names = new()
    {
        ["model.embed_tokens"] = "token_embd",
        ["model.norm"] = "output_norm",
        ["lm_head"] = "output",
        ["input_layernorm"] = "attn_norm",
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.o_proj"] = "attn_output",
        ["self_attn.q_norm"] = "attn_q_norm",
        ["self_attn.k_norm"] = "attn_k_norm",
        ["self_attn.qkv_proj"] = "attn_qkv",
        ["self_attn.sinks"] = "attn_sinks",
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.gate_up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
        ["mlp.gate"] = "ffn_gate_inp",
        ["mlp.router"] = "ffn_gate_inp",
        ["block_sparse_moe.gate"] = "ffn_gate_inp",
        ["pre_feedforward_layernorm"] = "ffn_norm",
        ["post_feedforward_layernorm"] = "post_ffw_norm",
        ["transformer.wte"] = "token_embd",
        ["transformer.wpe"] = "position_embd",
        ["transformer.ln_f"] = "output_norm",
        ["ln_1"] = "attn_norm",
        ["attn.c_attn"] = "attn_qkv",
        ["attn.c_proj"] = "attn_output",
        ["ln_2"] = "ffn_norm",
        ["mlp.c_fc"] = "ffn_up",
        ["mlp.c_proj"] = "ffn_down",
    };

    private static readonly Dictionary<string, string> Experts = new()
    {
        ["gate_proj"] = "gate",
        ["up_proj"] = "up",
        ["down_proj"] = "down",
        ["w1"] = "gate",
        ["w2"] = "down",
        ["w3"] = "up",
    };

    private readonly GgufBuilder _builder = new(architecture);
    private readonly SortedDictionary<string, (long[] Shape, SortedDictionary<int, float[]> Values)> _experts = [];

    private bool HasPermutedHeads => architecture is "llama" or "granite" or "smollm3";

    // What stands after attention is another norm where one stands before the feed-forward too.
    private bool HasPostNorm => architecture is "gemma2" or "gemma3" or "olmo2" or "gpt-oss";

    // The values that rounded matrices stand for, by their names in the checkpoint.
    public Dictionary<string, float[]> Rounded { get; } = [];

    // The configuration under GGUF's keys, the architecture's own as 'key=config key' or 'key=number'.
    public static void AddMetadata(GgufBuilder builder, string architecture, JsonObject config, string[] own)
    {
        foreach (var pair in (string[])
            ["block_count=num_hidden_layers", "context_length=max_position_embeddings", "embedding_length=hidden_size",
             "feed_forward_length=intermediate_size", "attention.head_count=num_attention_heads",
             "attention.head_count_kv=num_key_value_heads", "attention.layer_norm_rms_epsilon=rms_norm_eps", .. own])
        {
            var (key, from) = (pair.Split('=')[0], pair.Split('=')[1]);
            var number = double.TryParse(from, CultureInfo.InvariantCulture, out var constant)
                ? constant
                : (double)config[from]!;
            builder.Add($"{architecture}.{key}", number == Math.Floor(number) ? (uint)number : (object)(float)number);
        }
    }

    public byte[] Write(Action<GgufBuilder> addMetadata)
    {
        addMetadata(_builder);
        foreach (var tensor in source.Tensors.Values)
        {
            Convert(tensor, CheckpointFiles.Floats(source, tensor.Name));
        }

        foreach (var (name, (shape, values)) in _experts)
        {
            Add(name, [values.Count, .. shape], [.. values.Values.SelectMany(value => value)]);
        }

        return _builder.Build();
    }

    private void Convert(TensorInfo tensor, float[] values)
    {
        var name = tensor.Name;
        var prefix = "";
        if (LayerName().Match(name) is { Success: true } layer)
        {
            prefix = $"blk.{layer.Groups[1].Value}.";
            name = layer.Groups[2].Value;
        }

        if (ExpertName().Match(name) is { Success: true } expert)
        {
            var key = $"{prefix}ffn_{Experts[expert.Groups[2].Value]}_exps.weight";
            Round(tensor, key, values);
            _experts.TryAdd(key, ([.. tensor.Shape], []));
            _experts[key].Values[int.Parse(expert.Groups[1].Value, CultureInfo.InvariantCulture)] = values;
            return;
        }

        if (name.StartsWith("mlp.experts.", StringComparison.Ordinal))
        {
            AddFusedExperts(prefix, name["mlp.experts.".Length..], tensor.Shape, values);
            return;
        }

        var suffix = name.EndsWith(".bias", StringComparison.Ordinal) ? ".bias" : ".weight";
        var stem = name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : name;
        var target = stem != "post_attention_layernorm" ? Names[stem]
            : HasPostNorm ? "post_attention_norm"
            : "ffn_norm";
        var shape = tensor.Shape.ToArray();
        Round(tensor, prefix + target + suffix, values);
        if (HasPermutedHeads && target is "attn_q" or "attn_k")
        {
            values = Permute(values, shape, target == "attn_q" ? "num_attention_heads" : "num_key_value_heads");
        }
        else if (architecture is "gemma2" or "gemma3" && target.EndsWith("_norm", StringComparison.Ordinal))
        {
            values = [.. values.Select(value => value + 1)];
        }
        else if (architecture == "gpt2" && prefix.Length > 0 && shape.Length == 2)
        {
            (values, shape) = (Transpose(values, (int)shape[0], (int)shape[1]), [shape[1], shape[0]]);
        }

        Add(prefix + target + suffix, shape, values);
    }

    // reshape(heads, 2, rows / 2), then the middle dimension last.
    private float[] Permute(float[] values, long[] shape, string headsKey)
    {
        var (heads, rows) = ((int)source.Config[headsKey]!, (int)shape[0]);
        var (width, half) = (values.Length / rows, rows / heads / 2);
        var result = new float[values.Length];
        for (var head = 0; head < heads; head++)
        {
            for (var part = 0; part < 2; part++)
            {
                for (var i = 0; i < half; i++)
                {
                    var from = ((((head * 2) + part) * half) + i) * width;
                    values.AsSpan(from, width).CopyTo(result.AsSpan(((((head * half) + i) * 2) + part) * width));
                }
            }
        }

        return result;
    }

    // gpt-oss: gate and up alternate in the last dimension; weights are inputs by outputs.
    private void AddFusedExperts(string prefix, string name, IReadOnlyList<long> shape, float[] values)
    {
        var isBias = name.EndsWith("_bias", StringComparison.Ordinal);
        var suffix = isBias ? "bias" : "weight";
        var (count, inputs, outputs) = ((int)shape[0], isBias ? 1 : (int)shape[1], (int)shape[^1]);
        var slabs = values.Chunk(inputs * outputs).Select(slab => Transpose(slab, inputs, outputs)).ToArray();
        if (name.StartsWith("down", StringComparison.Ordinal))
        {
            Add($"{prefix}ffn_down_exps.{suffix}", Shape(outputs), [.. slabs.SelectMany(slab => slab)]);
            return;
        }

        foreach (var (part, at) in ((string, int)[])[("gate", 0), ("up", 1)])
        {
            Add(
                $"{prefix}ffn_{part}_exps.{suffix}", Shape(outputs / 2),
                [.. slabs.SelectMany(slab => slab.Chunk(inputs).Where((_, row) => row % 2 == at))
                    .SelectMany(row => row)]);
        }

        long[] Shape(int rows) => isBias ? [count, rows] : [count, rows, inputs];
    }

    private static float[] Transpose(float[] values, int rows, int columns) =>
        [.. Enumerable.Range(0, values.Length).Select(i => values[(i % rows * columns) + (i / rows)])];

    // Rows are rounded each for itself, so that it does not matter in which order they stand.
    private void Round(TensorInfo tensor, string name, float[] values)
    {
        if (tensor.Shape.Count > 1 && typeOf?.Invoke(name, tensor.Shape[^1]) is { } type)
        {
            float[] rounded = [.. values];
            GgufEncoder.Encode(type, rounded);
            Rounded[tensor.Name] = rounded;
        }
    }

    private void Add(string name, IEnumerable<long> shape, float[] values)
    {
        long[] sizes = [.. shape.Reverse()];
        if (sizes.Length > 1 && typeOf?.Invoke(name, sizes[0]) is { } type)
        {
            _builder.AddTensor(name, GgufEncoder.NumberOf(type), sizes, GgufEncoder.Encode(type, values));
        }
        else
        {
            _builder.AddFloats(name, sizes, values);
        }
    }

    [GeneratedRegex(@"^(?:model\.layers|transformer\.h)\.(\d+)\.(.*)$")]
    private static partial Regex LayerName();

    [GeneratedRegex(@"^(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)\.weight$")]
    private static partial Regex ExpertName();
}
