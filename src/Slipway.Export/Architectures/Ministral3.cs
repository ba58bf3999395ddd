using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>Ministral 3: Mistral whose queries grow with every stretch of the length it was trained at.</summary>
/// <remarks>Source: Mistral AI's Ministral 3; the scaling is that of Llama 4.</remarks>
internal sealed class Ministral3 : Mistral
{
    public override string PackageType => "ministral3";

    protected override GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        (Attention(layer.Config, layer.Sizes, layer.Index) with { QueryFactor = QueryFactor(layer) })
            .Build(layer[Names.Attention], x, layer.Inputs, layer.Rotary, layer.Index);

    // 1 + beta · log(1 + ⌊position / length⌋), [batch, sequence, 1]; 1 within the first length.
    private static GraphValue QueryFactor(DecoderLayer layer)
    {
        var section = layer.Config.Section("rope_parameters") ?? layer.Config.Section("rope_scaling");
        if (section?.Has("llama_4_scaling_beta") != true)
        {
            return default;
        }

        var length = section.Int(
            "original_max_position_embeddings", layer.Config.Int("max_position_embeddings", layer.Sizes.ContextLength));
        if (layer.Scope.Build.ContextLength <= length)
        {
            return default;
        }

        return layer.Inputs.Once("query_factor", () =>
        {
            NodeScope scope = new(layer.Scope.Graph, "/query_factor");
            var stretches = scope.Cast(
                scope.Div(scope.Reshape(layer.Inputs.Positions, 0, 0, 1), scope.Int(length)), ElementType.Float32);
            var growth = scope.Mul(
                scope.Log(scope.Add(stretches, scope.Float(1))),
                scope.Float((float)section.Number("llama_4_scaling_beta")));
            return scope.Add(growth, scope.Float(1));
        });
    }
}
