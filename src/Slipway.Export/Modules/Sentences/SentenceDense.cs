using Slipway.Export.Configuration;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules.Sentences;

/// <summary>A linear layer after pooling, with an activation. Its weights stay in single precision.</summary>
internal sealed class SentenceDense(SentenceModuleFiles files, ConfigReader config) : SentenceModule
{
    private const string Activation = "activation_function";

    // torch.nn's modules of one input, by their last name.
    private static readonly Dictionary<string, Func<NodeScope, GraphValue, GraphValue>> Activations = new()
    {
        ["Identity"] = (_, x) => x,
        ["Tanh"] = (scope, x) => scope.Tanh(x),
        ["GELU"] = (scope, x) => scope.Gelu(x),
        ["ReLU"] = (scope, x) => scope.Relu(x),
        ["SiLU"] = (scope, x) => scope.Mul(x, scope.Sigmoid(x)),
        ["Sigmoid"] = (scope, x) => scope.Sigmoid(x),
    };

    private readonly string _input = config.Text("module_input_name", SentenceFeatures.Sentence);

    public static SentenceDense Read(SentenceModuleFiles files) => new(files, files.Config().Config);

    public override void Build(ModuleScope root, SentenceFeatures features)
    {
        var (x, size) = features[_input];
        int inputs = config.Int("in_features"), outputs = config.Int("out_features");
        if (inputs != size)
        {
            throw config.Bad("in_features", $"{size}, the size of '{_input}'");
        }

        if (!Activations.TryGetValue(config.Text(Activation, "torch.nn.Tanh").Split('.')[^1], out var activation))
        {
            throw config.Unsupported(
                Activation,
                string.Join(", ", Activations.Keys.Select(name => $"'torch.nn.modules.activation.{name}'")));
        }

        using var weights = files.OpenWeights();
        TensorSource source = new(weights);
        var scope = root[files.Name];
        var matrix = scope.Build.StoreExact(
            scope.NameOf("linear.weight"), () => source.Matrix("linear.weight", outputs, inputs));
        var bias = config.Flag("bias", true)
            ? scope.StoreVector("linear.bias", source.Vector("linear.bias", outputs))
            : default;
        var output = activation(scope, matrix.Multiply(scope, x, bias));
        if (config.Flag("use_residual", false))
        {
            output = scope.Add(output, size == outputs ? x : scope.Build.StoreExact(
                scope.NameOf("residual.weight"), () => source.Matrix("residual.weight", outputs, inputs))
                .Multiply(scope, x, default));
        }

        features[config.Text("module_output_name", _input)] = (output, outputs);
    }
}
