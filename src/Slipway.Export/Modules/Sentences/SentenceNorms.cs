using Slipway.Export.Configuration;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules.Sentences;

/// <summary>Gives vectors the length 1.</summary>
internal sealed class SentenceNormalize(ConfigReader config) : SentenceModule
{
    public static SentenceNormalize Read(SentenceModuleFiles files) => new(files.OptionalConfig());

    public override void Build(ModuleScope root, SentenceFeatures features)
    {
        var input = config.Text("module_input_name", SentenceFeatures.Sentence);
        var (x, size) = features[input];
        NodeScope scope = new(root.Graph, "/normalize");
        features[config.Text("module_output_name", input)] =
            (scope.Div(x, scope.Max(scope.ReduceL2(x, keep: true, -1), scope.Float(1e-12f))), size);
    }
}

/// <summary>A norm with a mean over a text's vector.</summary>
internal sealed class SentenceLayerNorm(SentenceModuleFiles files) : SentenceModule
{
    public static SentenceLayerNorm Read(SentenceModuleFiles files) => new(files);

    public override void Build(ModuleScope root, SentenceFeatures features)
    {
        var (x, size) = features[SentenceFeatures.Sentence];
        using var weights = files.OpenWeights();
        TensorSource source = new(weights);
        var scope = root[files.Name];
        features[SentenceFeatures.Sentence] = (
            scope.LayerNormalization(
                x, scope.StoreVector("norm.weight", source.Vector("norm.weight", size)),
                scope.StoreVector("norm.bias", source.Vector("norm.bias", size)), 1e-5f),
            size);
    }
}
