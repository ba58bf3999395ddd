using Slipway.Export;
using Slipway.Tracing.Recording;
using Slipway.Tracing.Sizes;
using TorchSharp;

namespace Slipway.Tracing.Graphs;

/// <summary>Proof of a module in float16 or bfloat16 with its weights and inputs cast to float32.</summary>
/// <param name="Outputs">The differences.</param>
/// <param name="Sizes">The sizes at which graph and module were compared.</param>
/// <param name="Operations">The operations of the module in float32, in order.</param>
internal sealed record SingleProof(
    IReadOnlyList<OutputDifference> Outputs, IReadOnlyList<IReadOnlyDictionary<string, long>> Sizes,
    IReadOnlyList<string> Operations)
{
    /// <summary>Tells whether a module has numbers of 16 bits.</summary>
    public static bool Applies(ParameterTable parameters, ModuleInputs inputs)
        => parameters.All.Select(item => item.Tensor).Concat(inputs.Tensors.Select(item => item.Example)).Any(Is16Bit);

    /// <summary>Proves the module; null for one that does not run in float32.</summary>
    /// <exception cref="ModuleMismatchException">The graph differs from the module in float32.</exception>
    public static SingleProof? Run(
        ModuleCall call, ModuleInputs inputs, OnnxModuleOptions options, ModuleState state, string path,
        ICollection<string> warnings)
    {
        using var scope = torch.NewDisposeScope();
        using ModuleCast cast = new(call.Module, torch.ScalarType.Float32, state.Tensors());
        var wide = inputs.Replace([.. inputs.Tensors.Select(item => Is16Bit(item.Example)
            ? item.Example.to(torch.ScalarType.Float32) : item.Example)]);
        using GraphFiles files = new(path, hasData: true);
        try
        {
            ModuleExporter exporter = new(call.Module, wide, options.InSingle());
            var made = exporter.Export(files.GraphPath);
            return new SingleProof(made.Outputs, made.ProvenSizes, exporter.Operations);
        }
        catch (ArgumentException exception) when (exception.InnerException is not null)
        {
            warnings.Add(
                $"The module does not run with its weights in float32, so that it is proven in its own type alone: "
                + $"{exception.InnerException.Message}");
            return null;
        }
    }

    private static bool Is16Bit(torch.Tensor tensor)
        => tensor.dtype is torch.ScalarType.Float16 or torch.ScalarType.BFloat16;
}
