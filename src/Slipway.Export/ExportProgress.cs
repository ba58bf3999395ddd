namespace Slipway.Export;

/// <summary>Progress of an export.</summary>
/// <param name="Tensor">The tensor in work.</param>
/// <param name="Done">Weights that were read, converted and written.</param>
/// <param name="Total">Weights of the whole checkpoint.</param>
public readonly record struct ExportProgress(string Tensor, long Done, long Total);
