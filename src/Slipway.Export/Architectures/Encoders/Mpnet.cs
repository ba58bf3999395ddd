using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures.Encoders;

/// <summary>
/// MPNet: RoBERTa's positions, no token types, scores that depend on the distance alike in all layers.
/// </summary>
/// <remarks>Source: MPNet (arXiv 2004.09297); the buckets of distances are T5's (arXiv 1910.10683).</remarks>
internal sealed class Mpnet(EncoderTask task) : Roberta(task)
{
    private const int FarthestDistance = 128;

    protected override string Body => "mpnet";

    protected override AttentionNames Attention { get; } = new(
        "attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm");

    protected override int Padding(ConfigReader config) => 1;

    protected override int TokenTypes(ConfigReader config) => 0;

    protected override EncoderInputs Prepare(ModuleScope body, EncoderInputs inputs)
    {
        var config = body.Config;
        var scope = body["encoder"]["relative_attention_bias"];
        int heads = AttentionHeads(config), buckets = config.Int("relative_attention_num_buckets", 32);
        var weights = scope.ReadNumbers("weight", buckets, heads);
        var farthest = LongestSequence(config) - 1;
        var table = new float[((2 * farthest) + 1) * heads];
        for (var distance = -farthest; distance <= farthest; distance++)
        {
            weights.AsSpan(Bucket(distance, buckets) * heads, heads)
                .CopyTo(table.AsSpan((distance + farthest) * heads));
        }

        var rows = scope.StoreVector("by_distance", table, (2 * farthest) + 1, heads);
        var bias = scope.Gather(rows, scope.Add(inputs.Distances(), scope.Int(farthest)));
        return inputs with { Bias = scope.Reshape(scope.Transpose(bias, 2, 0, 1), BiasShape(scope, inputs, heads)) };
    }

    // Half of the buckets for either direction, half of these for a distance each, the others ever wider; the
    // logarithms are the reference's, in single precision, as they decide at the borders.
    private static int Bucket(int distance, int buckets)
    {
        int side = buckets / 2, exact = side / 2, far = Math.Abs(distance);
        var wide = MathF.Log((float)far / exact) / (float)Math.Log((double)FarthestDistance / exact) * (side - exact);
        var bucket = far < exact ? far : Math.Min(exact + (int)wide, side - 1);
        return distance > 0 ? side + bucket : bucket;
    }

    private static GraphValue BiasShape(NodeScope scope, EncoderInputs inputs, int heads)
    {
        var length = scope.Reshape(inputs.Length, 1);
        return scope.Concat(0, scope.Ints(1), scope.Ints(heads), length, length);
    }
}
