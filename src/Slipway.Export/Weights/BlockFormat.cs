using Slipway.Export.Quantization;
using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Codes of 4 or 8 bits in blocks.</summary>
internal sealed class BlockFormat(int bits, int blockSize, QuantizationMethod method) : WeightFormat
{
    public override bool CanGather(int columns) => columns % blockSize == 0;

    public override StoredMatrix Write(WeightWriter writer, string name, Weight weight)
    {
        int blocks = (weight.Columns + blockSize - 1) / blockSize, blockBytes = blockSize * bits / 8;
        List<float[]> scales = [];
        List<byte[]> zeroPoints = [];
        writer.Data.Begin((long)weight.Rows * blocks * blockBytes);
        ReadChunks(writer, name, weight, (chunk, rows) =>
        {
            QuantizedMatrix part = writer.Quantize(name, chunk, rows, weight.Columns, bits, blockSize, method);
            writer.Data.Write<byte>(part.Codes);
            scales.Add(part.Scales);
            zeroPoints.Add(part.ZeroPoints);
        });
        writer.Add($"{name}.codes", ElementType.UInt8, [weight.Rows, blocks, blockBytes]);
        GraphValue scale = writer.AddParts($"{name}.scales", ElementType.Float32, [weight.Rows, blocks], scales);
        GraphValue zeroPoint = writer.AddParts(
            $"{name}.zero_points", ElementType.UInt8, [weight.Rows, ((blocks * bits) + 7) / 8], zeroPoints);
        Initializer codes = writer.Graph.FindInitializer($"{name}.codes")!;
        return new BlockMatrix(name, codes, scale, zeroPoint, weight.Rows, weight.Columns, bits, blockSize);
    }
}
