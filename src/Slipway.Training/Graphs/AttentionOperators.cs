using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>Causal attention over whole sequences that begin at position 0, and rotary positions.</summary>
/// <remarks>Source: ONNX Runtime's operators GroupQueryAttention and RotaryEmbedding.</remarks>
internal static class AttentionOperators
{
    private const int Cosines = 7, Sines = 8, Bias = 10, Sinks = 11;

    /// <summary>Computes attention; the caches that the operator returns too are the new keys and values.</summary>
    public static Tensor[] GroupQueryAttention(GraphCall call)
    {
        int heads = (int)call.Int("num_heads", 0), groups = (int)call.Int("kv_num_heads", 0);
        var (query, key, value) = Heads(call, heads, groups);
        if (call.Int("do_rotary", 0) != 0)
        {
            call.Require(call.Int("rotary_interleaved", 0) == 0, "turns neighbours together");
            var length = query.shape[2];
            Tensor cosines = call[Cosines].narrow(0, 0, length), sines = call[Sines].narrow(0, 0, length);
            (query, key) = (Rotate(query, cosines, sines), Rotate(key, cosines, sines));
        }

        var mixed = Mix(call, query, key, value, heads / groups);
        var (batch, sequence) = (mixed.shape[0], mixed.shape[2]);
        return [mixed.transpose(1, 2).reshape(batch, sequence, -1), key, value];
    }

    /// <summary>Turns the heads of each position.</summary>
    public static Tensor[] RotaryEmbedding(GraphCall call)
    {
        call.Require(call.Int("interleaved", 0) == 0, "turns neighbours together");
        Tensor x = call[0], positions = call[1].to(ScalarType.Int64), cosines = call[2], sines = call[3];
        var (batch, sequence) = (x.shape[0], x.shape[1]);
        var size = 2 * cosines.shape[1];
        var heads = call.Int("num_heads", 0) is > 0 and var count ? count : x.shape[2] / size;
        positions = positions.numel() == 1
            ? positions.reshape(1, 1).Plus(TensorArithmetic.Indices(sequence)) : positions.reshape(batch, sequence);
        Tensor turning = cosines[positions].unsqueeze(1), across = sines[positions].unsqueeze(1);
        var split = x.view(batch, sequence, heads, x.shape[2] / heads).transpose(1, 2);
        return [Rotate(split, turning, across).transpose(1, 2).reshape(x.shape)];
    }

    // [batch, heads, sequence, size], from three inputs or one that holds all.
    private static (Tensor Query, Tensor Key, Tensor Value) Heads(GraphCall call, int heads, int groups)
    {
        var query = call[0];
        if (call.Optional(1) is { } key)
        {
            return (Split(query, heads), Split(key, groups), Split(call[2], groups));
        }

        var all = Split(query, heads + (2 * groups)).split([heads, groups, groups], 1);
        return (all[0], all[1], all[2]);

        static Tensor Split(Tensor x, int heads) =>
            x.view(x.shape[0], x.shape[1], heads, x.shape[2] / heads).transpose(1, 2);
    }

    // Halves of the first part of a head are the parts of its pairs; the rest stays as it is.
    private static Tensor Rotate(Tensor x, Tensor cosines, Tensor sines)
    {
        var half = cosines.shape[^1];
        Tensor first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
        Tensor[] parts = [(first * cosines) - (second * sines), (second * cosines).Plus(first * sines)];
        return cat(x.shape[^1] == 2 * half ? parts : [.. parts, x.narrow(-1, 2 * half, x.shape[^1] - (2 * half))], -1);
    }

    private static Tensor Mix(GraphCall call, Tensor query, Tensor key, Tensor value, int repeats)
    {
        var (length, size) = (query.shape[2], query.shape[3]);
        (key, value) = (key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1));
        var scale = call.Float("scale", 0) is > 0 and var given ? given : 1 / Math.Sqrt(size);
        var (window, softcap) = (call.Int("local_window_size", -1), call.Float("softcap", 0));
        if (softcap == 0 && window < 0 && call.Optional(Bias) is null && call.Optional(Sinks) is null)
        {
            return nn.functional.scaled_dot_product_attention(
                query.Times(scale * Math.Sqrt(size)), key, value, is_casual: true);
        }

        var scores = query.matmul(key.transpose(-1, -2)).Times(scale);
        scores = softcap > 0 ? scores.Over(softcap).tanh().Times(softcap) : scores;
        scores = call.Optional(Bias) is { } bias ? scores.Plus(bias) : scores;
        var positions = TensorArithmetic.Indices(length);
        var distance = positions.unsqueeze(1) - positions;
        var hidden = distance.With(0, static (x, zero) => x.lt(zero));
        hidden = window > 0 ? hidden.logical_or(distance.With(window, static (x, limit) => x.ge(limit))) : hidden;
        scores = scores.Masked(hidden, float.NegativeInfinity);
        if (call.Optional(Sinks) is { } sinks)
        {
            var extra = sinks.reshape(1, -1, 1, 1).expand(scores.shape[0], scores.shape[1], length, 1);
            return nn.functional.softmax(cat([scores, extra], -1), -1).narrow(-1, 0, length).matmul(value);
        }

        return nn.functional.softmax(scores, -1).matmul(value);
    }
}
