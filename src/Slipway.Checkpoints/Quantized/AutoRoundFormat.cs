namespace Slipway.Checkpoints.Quantized;

// AutoRound writes the layouts of other libraries and names the one it chose. Where it names its own, that is GPTQ's
// with zero points as they are. Source: SignRound (arXiv 2309.05516), and the library's exporters.
internal sealed class AutoRoundFormat : QuantizationFormat
{
    private static readonly CompressedTensorsFormat CompressedTensors = new();

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings)
    {
        var packing = settings.Text("packing_format") ?? settings.Text("backend") ?? "auto_round:auto_gptq";
        var layout = packing.Split(':')[^1];
        return packing switch
        {
            _ when layout is "auto_gptq" or "auto_round" && IsFloat(settings) =>
                CompressedTensors.Find(parts, settings),
            _ when layout is "auto_gptq" or "gptq" => GptqFormat.Find(parts, settings, zeroPointsLessOne: true),
            _ when layout is "auto_awq" or "awq" or "awq_gemm" => AwqFormat.FindAll(parts, settings),
            _ when layout.StartsWith("llm_compressor", StringComparison.Ordinal) =>
                CompressedTensors.Find(parts, settings),
            _ when layout.StartsWith("fp8", StringComparison.Ordinal) => Float8Format.Find(parts, block: null),
            _ when layout is "auto_round" or "gptqmodel" or "tritonv2" or "exllamav2" =>
                GptqFormat.Find(parts, settings, zeroPointsLessOne: false),
            _ => throw settings.Unsupported($"in the layout '{packing}'"),
        };
    }

    // Floats of 4 bits, for which the library has no layout of its own.
    private static bool IsFloat(QuantizationSettings settings) => settings.Text("data_type") is { } type
        && (type.StartsWith("mx_fp", StringComparison.Ordinal) || type.StartsWith("nv_fp", StringComparison.Ordinal));

    public override string? ActivationKey(QuantizationSettings settings) =>
        settings.Text("act_bits") is null && settings.OptionalWhole("act_bits") is < 16 ? "act_bits" : null;
}
