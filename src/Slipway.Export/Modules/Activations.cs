using Slipway.Export.Configuration;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>The activation functions by the names that configurations give them.</summary>
internal static class Activations
{
    private static readonly Dictionary<string, Func<NodeScope, GraphValue, GraphValue>> Table = new()
    {
        ["silu"] = Silu,
        ["swish"] = Silu,
        ["gelu"] = (scope, x) => scope.Gelu(x),
        ["gelu_fast"] = (scope, x) => scope.Gelu(x, approximate: true),
        ["gelu_new"] = (scope, x) => scope.Gelu(x, approximate: true),
        ["gelu_pytorch_tanh"] = (scope, x) => scope.Gelu(x, approximate: true),
        ["gelu_python"] = (scope, x) => scope.Gelu(x),
        ["quick_gelu"] = (scope, x) => scope.Mul(x, scope.Sigmoid(scope.Mul(x, scope.Float(1.702f)))),
        ["relu"] = (scope, x) => scope.Relu(x),
        ["relu2"] = (scope, x) =>
        {
            var positive = scope.Relu(x);
            return scope.Mul(positive, positive);
        },
    };

    /// <summary>Finds the function that a configuration names.</summary>
    public static Func<NodeScope, GraphValue, GraphValue> Find(ConfigReader config, string key, string absent) =>
        Table.TryGetValue(config.Text(key, absent), out var activation)
            ? activation
            : throw config.Unsupported(key, string.Join(", ", Table.Keys.Select(name => $"'{name}'")));

    private static GraphValue Silu(NodeScope scope, GraphValue x) => scope.Mul(x, scope.Sigmoid(x));
}
