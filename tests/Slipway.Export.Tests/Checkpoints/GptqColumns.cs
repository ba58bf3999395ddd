using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Slipway.Export.Tests.Checkpoints;

/// <summary>
/// Makes a GPTQ checkpoint whose columns are grouped out of their order, as <c>desc_act</c> leaves them.
/// </summary>
internal static class GptqColumns
{
    private const int PerNumber = 8;

    /// <summary>Moves the columns of each weight and their groups in a safetensors file.</summary>
    public static byte[] Shuffle(byte[] file)
    {
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        var tensors = JsonNode.Parse(file.AsSpan(8, header))!.AsObject();
        foreach (var (name, tensor) in tensors)
        {
            var shape = tensor?["shape"]?.Deserialize() ?? [];
            if (name.EndsWith(".g_idx", StringComparison.Ordinal))
            {
                var groups = Data(tensor!);
                var old = groups.ToArray();
                for (var column = 0; column < old.Length; column++)
                {
                    groups[column] = old[Source(column, old.Length)];
                }
            }
            else if (name.EndsWith(".qweight", StringComparison.Ordinal))
            {
                Move(Data(tensor!), shape[0] * PerNumber, shape[1]);
            }
        }

        return file;

        Span<int> Data(JsonNode tensor)
        {
            var range = tensor["data_offsets"]!.Deserialize();
            return MemoryMarshal.Cast<byte, int>(file.AsSpan(8 + header + range[0], range[1] - range[0]));
        }
    }

    private static int[] Deserialize(this JsonNode list) =>
        [.. list.AsArray().Select(number => number!.GetValue<int>())];

    // Columns are numbers of four bits, eight below each other in a number of 32.
    private static void Move(Span<int> numbers, int columns, int rows)
    {
        var old = numbers.ToArray();
        numbers.Clear();
        for (var column = 0; column < columns; column++)
        {
            var source = Source(column, columns);
            for (var row = 0; row < rows; row++)
            {
                var code = (old[(source / PerNumber * rows) + row] >> (source % PerNumber * 4)) & 15;
                numbers[(column / PerNumber * rows) + row] |= code << (column % PerNumber * 4);
            }
        }
    }

    private static int Source(int column, int columns) => ((column * 37) + 11) % columns;
}
