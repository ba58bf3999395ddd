using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>The places that a head's elements have in the graph.</summary>
/// <remarks>
/// Attention operators take heads of a multiple of 8, and rotate a multiple of 16 elements; kernels and caches of codes
/// want a multiple of 16. A head of another size is widened with zeros, which change no score and come out as zeros.
/// </remarks>
internal sealed record HeadLayout
{
    /// <summary>Mark of a place that holds no element.</summary>
    public const int None = -1;

    private const int Step = 16;

    /// <param name="size">The size of a head in the checkpoint.</param>
    /// <param name="order">
    /// For each place, which element it holds, or <see cref="None"/>; null where they stand as they are.
    /// </param>
    private HeadLayout(int size, IReadOnlyList<int>? order) => (Size, Order) = (size, order);

    /// <summary>The size of a head in the checkpoint.</summary>
    public int Size { get; }

    /// <summary>The element of each place, or <see cref="None"/>; null where they stand as they are.</summary>
    public IReadOnlyList<int>? Order { get; }

    /// <summary>The size of a head in the graph.</summary>
    public int Width => Order?.Count ?? Size;

    /// <summary>Tells whether zeros were added.</summary>
    public bool IsWidened => Width > Size;

    /// <summary>The layout of heads that are not rotated: elements in their order, zeros behind.</summary>
    public static HeadLayout Plain(int size) => Rotary(size, 0);

    /// <summary>The layout of heads of which a part is rotated.</summary>
    /// <param name="size">The size of a head.</param>
    /// <param name="rotarySize">The part of it that is rotated.</param>
    /// <param name="interleaved">Whether neighbours are rotated together in the checkpoint; halves otherwise.</param>
    public static HeadLayout Rotary(int size, int rotarySize, bool interleaved = false) => new(
        size,
        Widened(size) == size && (rotarySize == 0 || (rotarySize % Step == 0 && !interleaved))
            ? null
            : RotaryOrder.Find(size, rotarySize, interleaved));

    /// <summary>The size that heads of a size have in the graph.</summary>
    public static int Widened(int size) => (size + Step - 1) / Step * Step;

    /// <summary>The elements of consecutive heads by their places; null where they stand as they are.</summary>
    public IReadOnlyList<int>? Rows(int heads) => Order is null ? null :
    [
        .. Enumerable.Range(0, heads).SelectMany(
            head => Order.Select(element => element == None ? None : (head * Size) + element)),
    ];

    /// <summary>Numbers of consecutive heads' elements by their places, zeros where there is none.</summary>
    public float[] Arrange(float[] values) => Rows(values.Length / Size) is { } rows
        ? [.. rows.Select(element => element == None ? 0 : values[element])]
        : values;

    /// <summary>
    /// Brings heads back into the checkpoint's order, [batch, sequence, heads·width] → [batch, sequence, heads·size].
    /// </summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">The heads by their places.</param>
    /// <param name="heads">How many there are.</param>
    public GraphValue Restore(ModuleScope scope, GraphValue x, int heads)
    {
        if (Rows(heads) is not { } rows)
        {
            return x;
        }

        var places = new long[heads * Size];
        for (var place = 0; place < rows.Count; place++)
        {
            if (rows[place] != None)
            {
                places[rows[place]] = place;
            }
        }

        var order = scope.Build.Writer.AddParts<long>(
            scope.NameOf("places"), ElementType.Int64, [places.Length], [places]);
        return scope.Gather(x, order, 2);
    }
}
