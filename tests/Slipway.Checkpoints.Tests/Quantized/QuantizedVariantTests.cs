using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Quantized;

public sealed class QuantizedVariantTests
{
    internal static Dictionary<string, Func<QuantizedFolder>> Variants { get; } =
        new(CompressedTensorsVariants.All.Concat(OtherVariants.All).Concat(GptqVariants.All));

    public static TheoryData<string> Names => [.. Variants.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void ReadFloats_StoredByALibrary_GivesWhatTheCodesStandFor(string name)
    {
        var variant = Variants[name]();
        using TemporaryFolder folder = new();
        variant.Write(folder);
        using var checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal(variant.Expected.Keys.Order(), checkpoint.Tensors.Keys.Order());
        foreach (var (weight, (shape, values)) in variant.Expected)
        {
            Assert.Equal(shape, checkpoint.Tensors[weight].Shape);
            var read = CheckpointFiles.Floats(checkpoint, weight);
            Assert.All(values.Zip(read), pair => Assert.Equal(pair.First, pair.Second, Math.Abs(pair.First) * 1e-6f));
            if (values.Length > 40)
            {
                // A range that begins and ends inside rows.
                var part = new float[values.Length - 20];
                checkpoint.ReadFloats(weight, 7, part);
                Assert.Equal(read[7..^13], part);
            }
        }
    }

    [Theory]
    [InlineData("ct-4-bits-group-zero-points")]
    [InlineData("fp8-blocks")]
    [InlineData("bnb-nf4-nested-odd")]
    [InlineData("modelopt-nvfp4")]
    [InlineData("gptq-act-order-2-bits")]
    public void ReadFloats_PartsInSeveralShards_AreTheSame(string name)
    {
        var variant = Variants[name]();
        using TemporaryFolder folder = new();
        variant.WriteShards(folder.Path, 3);
        using var checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal(variant.Expected.Keys.Order(), checkpoint.Tensors.Keys.Order());
        foreach (var (weight, (_, values)) in variant.Expected)
        {
            Assert.All(
                values.Zip(CheckpointFiles.Floats(checkpoint, weight)),
                pair => Assert.Equal(pair.First, pair.Second, Math.Abs(pair.First) * 1e-6f));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ReadQuantized_StoredByALibrary_GivesCodesOfTheSameValues(string name)
    {
        var variant = Variants[name]();
        using TemporaryFolder folder = new();
        variant.Write(folder);
        using var checkpoint = Checkpoint.Open(folder.Path);

        foreach (var grid in checkpoint.Quantized.Values)
        {
            const int First = 1;
            var values = variant.Expected[grid.Name].Values[(First * grid.Columns)..];
            var rows = grid.Rows - First;
            var (codes, zeros) = (new byte[rows * grid.Columns], new float[rows * grid.GroupCount]);
            var scales = new float[rows * grid.GroupCount];
            checkpoint.ReadQuantized(grid.Name, First, codes, scales, zeros);
            Assert.All(codes, code => Assert.InRange(code, 0, (1 << grid.Bits) - 1));
            for (var i = 0; i < codes.Length; i++)
            {
                var column = i % grid.Columns;
                var group = (i / grid.Columns * grid.GroupCount) + (grid.Groups?[column] ?? (column / grid.GroupSize));
                var value = grid.Values is { } table ? table[codes[i]] : codes[i] - zeros[group];
                Assert.Equal(values[i], value * scales[group], Math.Abs(values[i]) * 1e-6f);
            }
        }
    }
}
