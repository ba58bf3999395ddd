namespace Slipway.Checkpoints;

/// <summary>Describes what a LoRA adapter adds to one weight.</summary>
/// <remarks>
/// The weight becomes <c>W + Scale * Up * Down</c>; with <paramref name="HasMagnitude"/> (DoRA) each row of that is
/// then scaled to its own magnitude. For an embedding, and for a layer that stores inputs by outputs, the product is
/// transposed to the weight's shape. Sources: LoRA (arXiv 2106.09685), DoRA (arXiv 2402.09353).
/// </remarks>
/// <param name="Name">The weight's name, such as <c>model.layers.0.self_attn.q_proj.weight</c>.</param>
/// <param name="Rank">The rank of the product.</param>
/// <param name="Scale">What the product is multiplied by: alpha / rank, or alpha / √rank (rsLoRA).</param>
/// <param name="Inputs">Columns of Down, [rank, inputs].</param>
/// <param name="Outputs">Rows of Up, [outputs, rank].</param>
/// <param name="IsTransposed">Whether the weight is stored as [inputs, outputs].</param>
/// <param name="HasMagnitude">Whether the adapter holds a magnitude for each output.</param>
public sealed record LoraTarget(
    string Name, int Rank, double Scale, int Inputs, int Outputs, bool IsTransposed, bool HasMagnitude)
{
    /// <summary>Tells whether the adapter adds to the layer's bias too.</summary>
    public bool HasBias { get; init; }
}
