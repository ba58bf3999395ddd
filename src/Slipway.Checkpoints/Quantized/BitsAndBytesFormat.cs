namespace Slipway.Checkpoints.Quantized;

// bitsandbytes: codes of 4 bits that a table turns into values (NF4, FP4), described by a
// 'NAME.quant_state.bitsandbytes__TYPE' in JSON; or 8-bit integers with the largest weight of each row in 'MODULE.SCB'.
// Source: LLM.int8() (arXiv 2208.07339), QLoRA (arXiv 2305.14314), and the library's serialization.
internal sealed class BitsAndBytesFormat : QuantizationFormat
{
    private const string StateInfix = ".quant_state.bitsandbytes__";
    private const double MaxCode = 127;

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings)
    {
        foreach (var state in parts.Checkpoint.Tensors.Keys.Where(
            name => name.Contains(StateInfix, StringComparison.Ordinal)).ToArray())
        {
            yield return TableWeight.Read(parts, state, state[..state.IndexOf(StateInfix, StringComparison.Ordinal)]);
        }

        foreach (var codes in parts.Matrices(TensorType.I8).Where(
            tensor => tensor.Name.EndsWith(".weight", StringComparison.Ordinal) && !parts.IsTaken(tensor.Name))
            .ToArray())
        {
            yield return EightBits(parts, settings, codes);
        }
    }

    public override string? ActivationKey(QuantizationSettings settings) =>
        settings.Flag("load_in_8bit") ? "load_in_8bit" : null;

    private static Int8Weight EightBits(QuantizedParts parts, QuantizationSettings settings, TensorInfo codes)
    {
        var root = codes.Name[..^".weight".Length];
        var scales = parts.Take(root + ".SCB", TensorType.F32, TensorType.F16, TensorType.BF16);
        if (parts.TakeIfThere(root + ".weight_format", TensorType.U8) is { } order && parts.Number(order) != 0)
        {
            throw settings.Unsupported($"in tiles for one kind of processor ('{order.Name}')");
        }

        return new Int8Weight(parts, codes, new ScaleGrid(parts, scales, codes.Shape, block: null, 1 / MaxCode));
    }
}
