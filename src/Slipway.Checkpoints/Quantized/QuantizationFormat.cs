namespace Slipway.Checkpoints.Quantized;

// Finds the weights that a library quantized. A format is one class of this kind and one row of QuantizationFormats.
internal abstract class QuantizationFormat
{
    // Describes the weights that are stored as codes, and takes the tensors that they consist of.
    public abstract IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings);

    // The key of the settings that prescribes a quantization of activations; null where they prescribe none.
    public virtual string? ActivationKey(QuantizationSettings settings) => null;
}

// The table of formats, by what 'quant_method' calls them.
internal static class QuantizationFormats
{
    private static readonly Dictionary<string, QuantizationFormat> Rows = new(StringComparer.OrdinalIgnoreCase)
    {
        ["gptq"] = new GptqFormat(),
        ["awq"] = new AwqFormat(),
        ["auto-round"] = new AutoRoundFormat(),
        ["intel/auto-round"] = new AutoRoundFormat(),
        ["compressed-tensors"] = new CompressedTensorsFormat(),
        ["fp8"] = new Float8Format(),
        ["fbgemm_fp8"] = new Float8Format(),
        ["modelopt"] = new ModelOptFormat(),
        ["modelopt_fp4"] = new ModelOptFormat(),
        ["bitsandbytes"] = new BitsAndBytesFormat(),
        ["mxfp4"] = new MxFp4Format(),
    };

    public static IReadOnlyList<string> Names { get; } = [.. Rows.Keys];

    public static QuantizationFormat? Find(string method) => Rows.GetValueOrDefault(method);
}
