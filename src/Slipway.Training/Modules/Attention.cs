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
        var parts = joined.view(layout.Tokens, heads + (2 * groups), width).split([heads, groups, groups], 1);
        var (query, key, value) = (parts[0], parts[1], parts[2]);   // [tokens, heads, head_dim]
        query = q_norm?.forward(query, query.dtype) ?? query;
        key = k_norm?.forward(key, key.dtype) ?? key;
        var positions = layout.Positions(hidden.device);
        query = _rotary.Turn(query, positions);
        key = _rotary.Turn(key, positions);

        var mixed = new Tensor[layout.Sequences];
        var (queries, keys, values) = (Split(query, layout), Split(key, layout), Split(value, layout));
        for (var index = 0; index < mixed.Length; index++)
        {
            mixed[index] = Mix(queries[index], keys[index], values[index], heads, groups, width);
        }

        return o_proj.forward(mixed.Length == 1 ? mixed[0] : cat(mixed)).MoveToOuterDisposeScope();
    }

    private static Tensor[] Split(Tensor tokens, SequenceLayout layout) =>
        layout.Sequences == 1 ? [tokens] : tokens.split(layout.Lengths, 0);

    // One sequence at a time: no padding is computed, and the heads of a group share keys and values without a copy.
    private static Tensor Mix(Tensor query, Tensor key, Tensor value, int heads, int groups, int width)
    {
        var (length, repeats) = (query.shape[0], heads / groups);
        var mixed = nn.functional.scaled_dot_product_attention(
            query.view(length, groups, repeats, width).permute(1, 2, 0, 3),
            key.permute(1, 0, 2).unsqueeze(1).expand(groups, repeats, length, width),
            value.permute(1, 0, 2).unsqueeze(1).expand(groups, repeats, length, width),
            is_casual: true);                                                  // [groups, repeats, length, head_dim]
        return mixed.permute(2, 0, 1, 3).reshape(length, heads * width);
    }
}
