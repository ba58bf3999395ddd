namespace Slipway.Packaging;

/// <summary>Describes a linear layer of the graph to which adapters can add a product.</summary>
/// <remarks>It says how the factors of a checkpoint's layers become those of the graph's optional inputs.</remarks>
/// <param name="Name">What the names of the inputs begin with, as in <c>{name}.lora_A</c>.</param>
/// <param name="Sources">The checkpoint's layers in it, each with ranks of its own, in their order.</param>
public sealed record PackageAdapterLayer(string Name, IReadOnlyList<PackageAdapterSource> Sources);

/// <summary>Describes a layer of the checkpoint that is part of one of the graph.</summary>
/// <param name="Tensor">The name of its weight in the checkpoint.</param>
/// <param name="Rows">Where its outputs are; rows of the graph's layer that none names get nothing.</param>
public sealed record PackageAdapterSource(string Tensor, IReadOnlyList<PackageAdapterRows> Rows);

/// <summary>
/// Describes outputs of the graph's layer that come from those of a checkpoint's, both at steady steps.
/// </summary>
/// <param name="Row">The first output of the graph's layer.</param>
/// <param name="RowStep">From one of them to the next.</param>
/// <param name="Output">The first output of the checkpoint's layer.</param>
/// <param name="OutputStep">From one of them to the next.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Scale">What they are multiplied by.</param>
public sealed record PackageAdapterRows(int Row, int RowStep, int Output, int OutputStep, int Count, float Scale);
