namespace Slipway.Checkpoints;

/// <summary>Describes a weight that is stored as codes with a scale and a zero point for each group.</summary>
/// <remarks>
/// The weight has the shape [<paramref name="Rows"/>, <paramref name="Columns"/>], outputs by inputs. An element is
/// <c>(code - zeroPoint) * scale</c>, with the zero point and scale of its row and of its column's group. Read with
/// <see cref="Checkpoint.ReadQuantized"/>; under the same name <see cref="Checkpoint.ReadFloats"/> gives the elements.
/// </remarks>
/// <param name="Name">The weight's name, such as <c>model.layers.0.mlp.up_proj.weight</c>.</param>
/// <param name="Bits">Bits a code, 1 to 8; 4-bit floats (NVFP4, MXFP4) lie on a grid of 5 bits.</param>
/// <param name="GroupSize">Columns a group; the last group may have fewer.</param>
/// <param name="Rows">The number of outputs.</param>
/// <param name="Columns">The number of inputs.</param>
/// <param name="Groups">
/// The group of each column where columns are not grouped in their order (GPTQ with <c>desc_act</c>); null where column
/// <c>i</c> is of group <c>i / GroupSize</c>.
/// </param>
public sealed record QuantizedTensorInfo(
    string Name, int Bits, int GroupSize, int Rows, int Columns, IReadOnlyList<int>? Groups)
{
    /// <summary>Gets whether zero points may be any numbers; they are integers of as many bits otherwise.</summary>
    /// <remarks>
    /// So for types that store a minimum instead, an element being <c>code * scale + minimum</c>: the zero point is
    /// <c>-minimum / scale</c>.
    /// </remarks>
    public bool HasMinima { get; init; }

    /// <summary>Gets the values of the codes where these are no grid (NF4, FP4); null where they are.</summary>
    /// <remarks>An element is <c>Values[code] * scale</c>; zero points are 0.</remarks>
    public IReadOnlyList<float>? Values { get; init; }

    /// <summary>Gets the number of groups of a row.</summary>
    public int GroupCount => (Columns + GroupSize - 1) / GroupSize;
}
