namespace Slipway.Packaging.Kernels;

/// <summary>States what graphs of this library's own operators and the library that runs them have agreed on.</summary>
/// <remarks>
/// The exporter writes nodes within these bounds only, and a kernel refuses a node beyond them. A change of inputs,
/// attributes or bounds is a new <see cref="Version"/>. Graphs from <see cref="MinVersion"/> on run, those of other
/// versions are left alone.
/// </remarks>
internal static class KernelContract
{
    /// <summary>The domain of the operators.</summary>
    public const string Domain = "slipway";

    /// <summary>The version of the operators: their operator set in a graph, and what a manifest names.</summary>
    /// <remarks>
    /// Version 1, of 0.1.0, had operators whose inputs were not compared with their attributes. Version 3 knows scales
    /// of 16 bits, and minima; version 4 codes of 8 bits; version 5 keys and values in half precision; version 6
    /// sliding caches.
    /// </remarks>
    public const int Version = 6;

    /// <summary>The oldest version whose graphs these operators compute.</summary>
    public const int MinVersion = 2;

    /// <summary>The provider that a manifest names for such graphs.</summary>
    public const string Provider = "cpu";

    /// <summary>
    /// The capability of a graph that leaves a slot of a batch alone whose attention mask is all zeros: the slot's keys
    /// and values stay as they are, and its logits mean nothing.
    /// </summary>
    public const string InactiveSlots = "inactive_slots";
}
