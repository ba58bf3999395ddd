namespace Slipway.Packaging;

/// <summary>Says how thoroughly a package's files are compared with its manifest.</summary>
public enum PackageVerification
{
    /// <summary>The size of every file, and the hash of each file of at most 256 MiB.</summary>
    Default,

    /// <summary>The size of every file only.</summary>
    Sizes,

    /// <summary>The size and hash of every file.</summary>
    Full,
}
