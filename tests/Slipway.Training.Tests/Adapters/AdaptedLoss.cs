using Slipway.Training.Models;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>Computes over sequences of one length with what the model's adapter puts before them.</summary>
internal static class AdaptedLoss
{
    /// <summary>The mean loss of every token but the first of [sequences, tokens].</summary>
    public static Tensor Of(CausalLanguageModel model, Tensor ids)
    {
        using var scope = NewDisposeScope();
        var logits = Logits(model, ids[.., ..(int)(ids.shape[1] - 1)]);
        return nn.functional.cross_entropy(logits, ids[.., 1..].flatten()).MoveToOuterDisposeScope();
    }

    /// <summary>The logits of each token, [sequences · tokens, vocab_size].</summary>
    public static Tensor Logits(CausalLanguageModel model, Tensor ids)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = ((int)ids.shape[0], (int)ids.shape[1]);
        var added = model.Adapter?.VirtualTokens ?? 0;
        var all = cat([arange(-added, 0, 1, int64).unsqueeze(0).expand(rows, added), ids], 1);
        using var layout = new SequenceLayout(
            [.. Enumerable.Repeat(added + columns, rows)], model.Adapter?.PrefixTokens ?? 0);
        var positions = arange(rows * (added + columns)).view(rows, -1)[.., added..].flatten();
        return model.Logits(all.flatten(), layout, positions).MoveToOuterDisposeScope();
    }
}
