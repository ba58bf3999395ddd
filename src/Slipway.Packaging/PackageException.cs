namespace Slipway.Packaging;

/// <summary>Reports a package folder that cannot be used: a missing, altered or malformed file.</summary>
public class PackageException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file or folder at fault.</param>
    /// <param name="message">What is wrong, what was expected and what to do.</param>
    /// <param name="innerException">The cause, where there is one.</param>
    public PackageException(string path, string message, Exception? innerException = null)
        : base(message, innerException)
        => Path = path;

    /// <summary>The file or folder at fault.</summary>
    public string Path { get; }
}
