using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>An activation by its name in configurations.</summary>
internal sealed record Activation(string Name, Func<Tensor, Tensor> Apply);

/// <summary>Lists the activations of feed-forward blocks.</summary>
internal static class Activations
{
    public static readonly Activation Gelu = new("gelu", x => nn.functional.gelu(x));
    public static readonly Activation Relu = new("relu", x => nn.functional.relu(x));
    public static readonly Activation Tanh = new("tanh", x => x.tanh());

    private static readonly Dictionary<string, Activation> Rows = new[]
    {
        new("silu", x => nn.functional.silu(x)),
        Gelu,
        new("gelu_new", GeluTanh),
        new("gelu_pytorch_tanh", GeluTanh),
        Relu,
        Tanh,
    }.ToDictionary(row => row.Name, StringComparer.Ordinal);

    public static Activation Find(string name, string key, string source) => Rows.TryGetValue(name, out var row)
        ? row
        : throw new NotSupportedException(
            $"The activation '{name}' of '{key}' in '{source}' is not supported; expected one of "
            + $"'{string.Join("', '", Rows.Keys.Order(StringComparer.Ordinal))}'.");

    // x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))
    private static Tensor GeluTanh(Tensor x)
    {
        using var scope = NewDisposeScope();
        var inner = x.Plus(x.With(3, static (x, three) => x.pow(three)).Times(0.044715)).Times(Math.Sqrt(2 / Math.PI));
        return (x.Times(0.5) * inner.tanh().Plus(1)).MoveToOuterDisposeScope();
    }
}
