using Slipway.Checkpoints;
using Slipway.Export.Configuration;

namespace Slipway.Export.Weights;

/// <summary>Refuses weights that are stored as codes which this exporter does not read as numbers.</summary>
internal static class QuantizedWeights
{
    private const string Section = "quantization_config";

    // The last one is read by the architectures that have it.
    private static readonly string[] Methods = ["gptq", "awq", "mxfp4"];

    /// <summary>Refuses a method of quantization that is not read.</summary>
    /// <remarks>
    /// A configuration may name one for weights that are plain numbers: they are quantized when they are loaded.
    /// </remarks>
    /// <exception cref="NotSupportedException">The method is not read.</exception>
    public static void Check(ConfigReader config, Checkpoint checkpoint)
    {
        if (config.Section(Section) is { } section && section.Text("quant_method", "") is var method
            && !Methods.Contains(method) && checkpoint.Tensors.Values.Any(tensor => AreCodes(tensor.Type)))
        {
            var format = section.Text("format", section.Text("quant_algo", ""));
            throw new NotSupportedException(
                $"The weights of '{checkpoint.Path}' are quantized by the method '{method}'"
                + $"{(format.Length > 0 ? $" in the format '{format}'" : "")}, which cannot be read; expected "
                + $"{string.Join(", ", Methods.Select(known => $"'{known}'"))} or none. Export the checkpoint that "
                + $"they were "
                + "quantized from, with --precision int4 or int8.");
        }
    }

    /// <summary>Refuses a tensor of codes whose scales would be left out.</summary>
    /// <exception cref="NotSupportedException">The tensor holds codes.</exception>
    public static void RequireNumbers(Checkpoint checkpoint, TensorInfo tensor)
    {
        var module = tensor.Name.EndsWith(".weight", StringComparison.Ordinal)
            ? tensor.Name[..^"weight".Length] : tensor.Name;
        if (!AreCodes(tensor.Type) || (IsFloat8(tensor.Type) && !checkpoint.Tensors.Keys.Any(name =>
            name.StartsWith(module, StringComparison.Ordinal) && name.Contains("scale", StringComparison.Ordinal))))
        {
            return;
        }

        throw new NotSupportedException(
            $"Tensor '{tensor.Name}' of '{checkpoint.Path}' is stored "
            + $"as '{tensor.Type}', codes of a quantization that cannot "
            + "be read. Export the checkpoint that it was quantized from, with --precision int4 or int8.");
    }

    private static bool IsFloat8(TensorType type) => type is TensorType.F8_E4M3 or TensorType.F8_E5M2;

    private static bool AreCodes(TensorType type) =>
        IsFloat8(type) || type is TensorType.U8 or TensorType.I8 or TensorType.I16 or TensorType.I32 or TensorType.U32;
}
