using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Training.Graphs;
using static TorchSharp.torch;

namespace Slipway.Training.Tests.Graphs;

public sealed class GraphModelTests
{
    [Theory]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("gpt-neox")]
    [InlineData("gpt2")]
    [InlineData("granite")]
    [InlineData("llama")]
    [InlineData("llama-head20")]
    [InlineData("llama-tied-bias")]
    [InlineData("llama3-rope")]
    [InlineData("mistral-window")]
    [InlineData("olmo2")]
    [InlineData("qwen2-yarn")]
    [InlineData("qwen3")]
    [InlineData("smollm3")]
    public void Forward_FloatExport_EqualsTheReference(string name)
    {
        var source = SharedAssets.Path("tiny", name);
        using TemporaryFolder folder = new();
        Export(source, folder["package"]);
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using var model = GraphModel.Open(folder["package/model.onnx"]);
        using var scope = NewDisposeScope();
        var ids = Floats(expected, "input_ids_24");

        var logits = model.Forward(tensor(Array.ConvertAll(ids, id => (long)id)).view(1, -1));

        var differences = logits.data<float>().ToArray()
            .Zip(Floats(expected, "logits_24"), (x, y) => Math.Abs(x - y));
        Assert.InRange(differences.Max(), 0, 1e-4f);
    }

    [Fact]
    public void Open_OperatorWithoutGradients_NamesIt()
    {
        using TemporaryFolder folder = new();
        Export(SharedAssets.Path("tiny", "qwen3.5"), folder["package"]);

        var error = Assert.Throws<NotSupportedException>(() => GraphModel.Open(folder["package/model.onnx"]));

        Assert.Contains("'LinearAttention'", error.Message, StringComparison.Ordinal);
    }

    private static void Export(string source, string folder)
    {
        using var checkpoint = Checkpoint.Open(source);
        Exporter.Export(checkpoint, folder);
    }

    private static float[] Floats(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }
}
