using System.Globalization;

namespace Slipway.Checkpoints;

/// <summary>Describes a tensor of a checkpoint: its name, how it is stored and its shape.</summary>
/// <remarks>The shape lists the outermost dimension first; an empty shape is a scalar.</remarks>
/// <param name="Name">The name, as Hugging Face's own checkpoints spell it.</param>
/// <param name="Type">How the elements are stored.</param>
/// <param name="Shape">The dimensions, outermost first.</param>
public sealed record TensorInfo(string Name, TensorType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Gets the number of elements.</summary>
    public long Count { get; } = CountOf(Shape);

    /// <summary>Gets the number of bytes that the elements take as stored.</summary>
    public long ByteLength => checked(Count / Type.BlockSize() * Type.BlockBytes());

    /// <summary>Returns the name, type and shape on one line.</summary>
    public override string ToString() => $"{Name} {Type} {FormatShape(Shape)}";

    /// <summary>Formats a shape as messages print it, such as <c>[320, 64]</c>.</summary>
    public static string FormatShape(IEnumerable<long> shape) =>
        $"[{string.Join(", ", shape.Select(size => size.ToString(CultureInfo.InvariantCulture)))}]";

    private static long CountOf(IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return TryCount(shape, out var count)
            ? count
            : throw new ArgumentException($"The shape {FormatShape(shape)} is no tensor's shape.", nameof(shape));
    }

    // False where a dimension is negative or the product leaves 64 bits.
    internal static bool TryCount(IReadOnlyList<long> shape, out long count)
    {
        count = 1;
        var overflow = false;
        foreach (var size in shape)
        {
            if (size < 0)
            {
                return false;
            }

            overflow |= size != 0 && count > long.MaxValue / size;
            count = overflow ? long.MaxValue : count * size;
        }

        // A zero anywhere makes the tensor empty, however large the other dimensions are.
        count = shape.Contains(0) ? 0 : count;
        return count == 0 || !overflow;
    }
}
