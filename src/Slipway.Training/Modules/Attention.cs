using Slipway.Training.Adapters;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Grouped-query attention over unpadded sequences, with rotary positions where the layer has them.</summary>
public sealed class Attention : nn.Module<Tensor, SequenceLayout, Tensor>
{
    private readonly ModelConfig _config;
    private readonly RotaryEmbedding? _rotary;
    private readonly int? _window;
    private readonly Projection[] _inputs;
    private readonly Projection _output;

    /// <summary>Creates the block with unset weights. The rotary tables stay the caller's.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="config">The sizes.</param>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="rotary">The tables of the layer's positions; null where it has none.</param>
    public Attention(string name, ModelConfig config, int layer, RotaryEmbedding? rotary)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(config);
        (_config, _rotary, _window) = (config, rotary, config.Architecture.Window(config, layer));
        var (hidden, head, traits) = (config.HiddenSize, config.HeadDim, config.Architecture);
        int queries = config.NumAttentionHeads * head, keys = config.NumKeyValueHeads * head;
        _inputs = traits.IsGpt2 ? [new("c_attn", hidden, queries + (2 * keys), config.AttentionBias, transposed: true)]
            : traits.FusedProjections ? [new("qkv_proj", hidden, queries + (2 * keys), config.AttentionBias)]
            :
            [
                new("q_proj", hidden, queries, config.AttentionBias), new("k_proj", hidden, keys, config.AttentionBias),
                new("v_proj", hidden, keys, config.AttentionBias),
            ];
        _output = traits.IsGpt2 ? new("c_proj", queries, hidden, config.OutputBias, transposed: true)
            : new("o_proj", queries, hidden, config.OutputBias);
        foreach (var projection in _inputs)
        {
            register_module(projection.GetName(), projection);
        }

        register_module(_output.GetName(), _output);
        if (traits.QueryKeyNorm)
        {
            q_norm = new RmsNorm(nameof(q_norm), head, config.RmsNormEps, traits.NormOffset);
            k_norm = new RmsNorm(nameof(k_norm), head, config.RmsNormEps, traits.NormOffset);
            register_module(nameof(q_norm), q_norm);
            register_module(nameof(k_norm), k_norm);
        }
    }

    private RmsNorm? q_norm { get; }

    private RmsNorm? k_norm { get; }

    /// <summary>Keys and values that every sequence sees before its own; null for none.</summary>
    internal PrefixKeys? Prefix { get; set; }

    /// <summary>Attends within each sequence: [tokens, hidden_size] to the same shape.</summary>
    public override Tensor forward(Tensor hidden, SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(layout);
        using var scope = NewDisposeScope();
        var (heads, groups, width) = (_config.NumAttentionHeads, _config.NumKeyValueHeads, _config.HeadDim);
        var joined = _inputs.Length == 1 ? _inputs[0].forward(hidden) : Projection.Joined(hidden, _inputs);
        var all = joined.view(layout.Tokens, heads + (2 * groups), width);   // [tokens, heads, head_dim]
        if (q_norm is not null && k_norm is not null)
        {
            var parts = all.split([heads, groups, groups], 1);
            all = cat([q_norm.forward(parts[0], all.dtype), k_norm.forward(parts[1], all.dtype), parts[2]], 1);
        }

        all = _rotary?.ApplyRotary(all, heads + groups, _rotary.Rows(layout, hidden.device)) ?? all;
        var sequences = layout.Sequences == 1 ? [all] : all.split(layout.Lengths, 0);
        var mixed = sequences.Select(one => Mix(one, heads, groups, width)).ToArray();
        return _output.forward(mixed.Length == 1 ? mixed[0] : cat(mixed)).MoveToOuterDisposeScope();
    }

    // One sequence at a time: no padding is computed, and the heads of a group share keys and values without a copy.
    private Tensor Mix(Tensor sequence, int heads, int groups, int width)
    {
        var (length, repeats) = (sequence.shape[0], heads / groups);
        var parts = sequence.split([heads, groups, groups], 1);
        var queries = parts[0].view(length, groups, repeats, width).permute(1, 2, 0, 3);
        var (keys, values) = (parts[1].permute(1, 0, 2), parts[2].permute(1, 0, 2));   // [groups, length, head_dim]
        if (Prefix is not null)
        {
            (keys, values) = (cat([Prefix.Keys(keys.dtype), keys], 1), cat([Prefix.Values(keys.dtype), values], 1));
        }

        var seen = keys.shape[1];
        keys = keys.unsqueeze(1).expand(groups, repeats, seen, width);
        values = values.unsqueeze(1).expand(groups, repeats, seen, width);
        var mixed = AttentionScores.Mix(
            queries, keys, values, _window, _config.AttentionScale, _config.AttentionSoftcap);
        return mixed.permute(2, 0, 1, 3).reshape(length, heads * width);   // from [groups, repeats, length, head_dim]
    }
}
