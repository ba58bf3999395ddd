namespace Slipway.Checkpoints.Quantized;

// How a quantization library packs codes into 32-bit numbers. A layout is one class of this kind and one row.
internal abstract class PackedLayout
{
    private static readonly Dictionary<string, PackedLayout> Rows = new(StringComparer.Ordinal)
    {
        ["gptq"] = new GptqLayout(),
        ["awq"] = new AwqLayout(),
    };

    public static PackedLayout Find(Checkpoint checkpoint, PackedSettings settings)
    {
        if (!Rows.TryGetValue(settings.Method, out var layout))
        {
            throw new CheckpointException(
                $"The weights of '{checkpoint.Path}' are quantized by the method '{settings.Method}', which cannot " +
                $"be read; expected {string.Join(" or ", Rows.Keys.Select(name => $"'{name}'"))}. Use the checkpoint " +
                "that it was made from.", checkpoint.Path);
        }

        if (!layout.Bits.Contains(settings.Bits) || !layout.Versions.Contains(settings.Version))
        {
            throw new CheckpointException(
                $"The weights of '{checkpoint.Path}' are quantized by '{settings.Method}' with {settings.Bits} bits, " +
                $"version '{settings.Version}', which cannot be read; expected " +
                $"{string.Join(", ", layout.Bits)} bits and the version " +
                $"{string.Join(", ", layout.Versions.Where(name => name.Length > 0).Select(name => $"'{name}'"))}. " +
                "Use the checkpoint that it was made from.", checkpoint.Path);
        }

        return layout;
    }

    protected abstract IReadOnlyList<int> Bits { get; }

    // The versions that are read; an empty text where the configuration may leave it out.
    protected abstract IReadOnlyList<string> Versions { get; }

    // Outputs and inputs of a weight whose codes have this shape.
    public abstract (long Rows, long Columns) Sizes(IReadOnlyList<long> codes, int perNumber);

    // Which of the codes in a 32-bit number is that of an output.
    public virtual int Place(long row, int perNumber) => (int)(row % perNumber);

    public virtual int ZeroPoint(int stored, PackedSettings settings) => stored;

    // Reads the codes of rows, [rows, columns].
    public abstract void ReadCodes(Checkpoint checkpoint, PackedWeight weight, long firstRow, Span<byte> codes);
}
