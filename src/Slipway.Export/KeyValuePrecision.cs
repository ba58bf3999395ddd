namespace Slipway.Export;

/// <summary>Precision of a package's keys and values from step to step.</summary>
public enum KeyValuePrecision
{
    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>
    /// Half precision where this library's kernels run the layer, half of the bytes; elsewhere as
    /// <see cref="Float32"/>.
    /// </summary>
    /// <remarks>Numbers beyond 65,504 become that; what is not a number does not come back.</remarks>
    Float16,

    /// <summary>8-bit codes, a quarter of the bytes.</summary>
    Int8,

    /// <summary>
    /// 4-bit codes where this library's kernels run the layer, with scales for each token and head that are made when
    /// they are stored; elsewhere as <see cref="Int8"/>.
    /// </summary>
    /// <remarks>
    /// About a sixth of the bytes. Heads are turned by a Hadamard matrix first; source: "QuaRot" (arXiv 2404.00456).
    /// </remarks>
    Int4,
}

/// <summary>Runs a decoder that is being exported over some text and shows its keys and values.</summary>
/// <param name="folder">The package so far, whose graph keeps keys and values in float32; no manifest yet.</param>
/// <param name="observe">
/// Takes an output's name (<c>present.0.key</c>), what it holds and its shape [rows, heads, length, head size]; every
/// element must be of a real token. Not safe for concurrent use.
/// </param>
/// <param name="cancellationToken">Stops the run.</param>
public delegate void KeyValueMeasurement(
    string folder, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe,
    CancellationToken cancellationToken);
