namespace Slipway.Checkpoints;

/// <summary>Says why a checkpoint's file cannot be read.</summary>
/// <remarks>
/// The message names the file, the tensor and the value that is wrong, and what to do about it. It is an
/// <see cref="IOException"/>, as a missing file is, so that one clause catches all that can be wrong with a path.
/// </remarks>
public class CheckpointException : IOException
{
    /// <summary>Creates an exception about a file and, where one is concerned, a tensor.</summary>
    public CheckpointException(string message, string path, string? tensor = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Path = path;
        Tensor = tensor;
    }

    /// <summary>Gets the file or folder that is wrong.</summary>
    public string Path { get; }

    /// <summary>Gets the name of the tensor concerned, where there is one.</summary>
    public string? Tensor { get; }
}
