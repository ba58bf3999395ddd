using Slipway.Export.Architectures;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>
/// An input of its own for each layer: an embedding of the token and a projection of the first states.
/// </summary>
/// <remarks>
/// <code>
/// ids ─ embed_tokens_per_layer ·√size ──────────────────────┬ sum/√2 ─ [batch, sequence, layers, size]
/// first states ─ per_layer_model_projection /√hidden ─ norm ┘
/// hidden ─ gate ─ activation ─ · one layer's part ─ projection ─ norm ─ added to hidden
/// </code>
/// </remarks>
internal sealed class LayerInputs
{
    private readonly GraphValue _all;
    private readonly int _size, _hiddenSize;

    private LayerInputs(GraphValue all, int size, int hiddenSize) =>
        (_all, _size, _hiddenSize) = (all, size, hiddenSize);

    /// <summary>Computes the inputs of all layers; null for a model that has none.</summary>
    public static LayerInputs? Build(ModuleScope model, GraphValue ids, GraphValue embedded, DecoderSizes sizes)
    {
        var size = model.Config.CountOf("hidden_size_per_layer_input", 256);
        if (size == 0)
        {
            return null;
        }

        var width = checked(sizes.Layers * size);
        var table = model["embed_tokens_per_layer"];
        var own = table.Mul(
            table.Embedding(ids, model.Config.Int("vocab_size_per_layer_input", 262144), width),
            table.Float((float)Math.Sqrt(size)));
        var projection = model["per_layer_model_projection"];
        var projected = projection.Linear(
            embedded, sizes.HiddenSize, width, scale: (float)(1 / Math.Sqrt(sizes.HiddenSize)));
        var normed = model["per_layer_projection_norm"].RmsNorm(
            projection.Reshape(projected, 0, 0, sizes.Layers, size), size, Epsilon(model));
        var sum = model.Add(normed, model.Reshape(own, 0, 0, sizes.Layers, size));
        return new LayerInputs(model.Mul(sum, model.Float((float)Math.Sqrt(0.5))), size, sizes.HiddenSize);
    }

    /// <summary>Adds what a layer makes of its input.</summary>
    public void Add(ModuleScope layer, int index, ResidualStream stream)
    {
        var hidden = stream.Sum(layer);
        var gate = layer["per_layer_input_gate"];
        var opened = Activations.Find(layer.Config, "hidden_activation", "gelu_pytorch_tanh")(
            gate, gate.Linear(hidden, _hiddenSize, _size));
        var input = layer.Gather(_all, layer.Int(index), axis: 2);
        var projected = layer["per_layer_projection"].Linear(layer.Mul(opened, input), _size, _hiddenSize);
        stream.Add(layer, layer["post_per_layer_input_norm"].RmsNorm(projected, _hiddenSize, Epsilon(layer)));
    }

    private static float Epsilon(ModuleScope scope) => (float)scope.Config.Number("rms_norm_eps", 1e-6);
}
