using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Grouped-query attention with rotary positions over unpadded sequences.</summary>
public sealed class Attention : nn.Module<Tensor, SequenceLayout, Tensor>
{
    private readonly ModelConfig _config;
    private readonly RotaryEmbedding _rotary;

    /// <summary>Creates the block with unset weights. The rotary tables stay the caller's.</summary>
    public Attention(string name, ModelConfig config, RotaryEmbedding rotary)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(config);
        (_config, _rotary) = (config, rotary);
        var (hidden, head) = (config.HiddenSize, config.HeadDim);
        q_proj = new Projection(nameof(q_proj), hidden, config.NumAttentionHeads * head, config.AttentionBias);
        k_proj = new Projection(nameof(k_proj), hidden, config.NumKeyValueHeads * head, config.AttentionBias);
        v_proj = new Projection(nameof(v_proj), hidden, config.NumKeyValueHeads * head, config.AttentionBias);
        o_proj = new Projection(nameof(o_proj), config.NumAttentionHeads * head, hidden, config.OutputBias);
        register_module(nameof(q_proj), q_proj);
        register_module(nameof(k_proj), k_proj);
        register_module(nameof(v_proj), v_proj);
        register_module(nameof(o_proj), o_proj);
        if (config.Architecture.QueryKeyNorm)
        {
            q_norm = new RmsNorm(nameof(q_norm), head, config.RmsNormEps);
            k_norm = new RmsNorm(nameof(k_norm), head, config.RmsNormEps);
            register_module(nameof(q_norm), q_norm);
            register_module(nameof(k_norm), k_norm);
        }
    }

    private Projection q_proj { get; }

    private Projection k_proj { get; }

    private Projection v_proj { get; }

    private Projection o_proj { get; }

    private RmsNorm? q_norm { get; }

    private RmsNorm? k_norm { get; }

    /// <summary>Attends within each sequence: [tokens, hidden_size] to the same shape.</summary>
    public override Tensor forward(Tensor hidden, SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(layout);
        using var scope = NewDisposeScope();
        var (heads, groups, width) = (_config.NumAttentionHeads, _config.NumKeyValueHeads, _config.HeadDim);
        var joined = Projection.Joined(hidden, q_proj, k_proj, v_proj);
        var all = joined.view(layout.Tokens, heads + (2 * groups), width);   // [tokens, heads, head_dim]
        if (q_norm is not null && k_norm is not null)
        {
            var parts = all.split([heads, groups, groups], 1);
            all = cat([q_norm.forward(parts[0], all.dtype), k_norm.forward(parts[1], all.dtype), parts[2]], 1);
        }

        all = _rotary.ApplyRotary(all, heads + groups, layout.Positions(hidden.device));
        var sequences = layout.Sequences == 1 ? [all] : all.split(layout.Lengths, 0);
        var mixed = sequences.Select(one => Mix(one, heads, groups, width)).ToArray();
        return o_proj.forward(mixed.Length == 1 ? mixed[0] : cat(mixed)).MoveToOuterDisposeScope();
    }

    // One sequence at a time: no padding is computed, and the heads of a group share keys and values without a copy.
    private static Tensor Mix(Tensor sequence, int heads, int groups, int width)
    {
        var (length, repeats) = (sequence.shape[0], heads / groups);
        var parts = sequence.split([heads, groups, groups], 1);
        var mixed = nn.functional.scaled_dot_product_attention(
            parts[0].view(length, groups, repeats, width).permute(1, 2, 0, 3),
            parts[1].permute(1, 0, 2).unsqueeze(1).expand(groups, repeats, length, width),
            parts[2].permute(1, 0, 2).unsqueeze(1).expand(groups, repeats, length, width),
            is_casual: true);                                                  // [groups, repeats, length, head_dim]
        return mixed.permute(2, 0, 1, 3).reshape(length, heads * width);
    }
}
