using Slipway.Testing;
using TorchSharp;

namespace Slipway.Tracing.Tests;

/// <summary>Exports modules into a folder of the test and looks at what came out.</summary>
internal static class Traced
{
    /// <summary>Exports; the call itself compares graph and module at sizes that were not traced.</summary>
    public static OnnxModuleExport Export(
        torch.nn.Module module, IReadOnlyList<object?> inputs, OnnxModuleOptions? options = null)
    {
        using TemporaryFolder folder = new();
        var made = OnnxModule.Export(module, inputs, Path.Combine(folder.Path, "model.onnx"), options);
        foreach (var output in made.Outputs)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{module.GetType().Name} {output.Name}: {output.Absolute:g3}, relative {output.Relative:g3}, "
                + $"{made.Nodes} nodes, {made.ProvenSizes.Count} sizes");
        }

        return made;
    }

    /// <summary>Exports an inline module.</summary>
    public static OnnxModuleExport Export(
        Func<torch.Tensor, torch.Tensor> forward, torch.Tensor input, OnnxModuleOptions? options = null)
        => Export(new Inline(forward), [input], options);

    /// <summary>A module whose forward is a function.</summary>
    private sealed class Inline(Func<torch.Tensor, torch.Tensor> function)
        : torch.nn.Module<torch.Tensor, torch.Tensor>(nameof(Inline))
    {
        public override torch.Tensor forward(torch.Tensor input) => function(input);
    }
}
