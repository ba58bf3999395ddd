namespace Slipway.Checkpoints;

/// <summary>Recognizes and opens one format of checkpoints.</summary>
/// <remarks>A format is one class of this kind and one row of <see cref="CheckpointFormats.All"/>.</remarks>
public abstract class CheckpointFormat
{
    /// <summary>Gets the format's name, such as <c>safetensors</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Gets the names that the file to open has in a folder of this format, in order of preference.</summary>
    /// <remarks>Empty where the format has no customary name; then the only file that it claims is opened.</remarks>
    public abstract IReadOnlyList<string> FolderFiles { get; }

    /// <summary>Tells from a file's first bytes whether it is of this format.</summary>
    public abstract bool Recognizes(ReadOnlySpan<byte> head);

    /// <summary>Tells from a file's name whether it is meant to be of this format.</summary>
    /// <remarks>Decides only where no format recognizes the bytes, so that its message says what is wrong.</remarks>
    public abstract bool Claims(string fileName);

    /// <summary>Opens a file of this format.</summary>
    /// <param name="file">The weight or index file.</param>
    /// <param name="path">What the caller asked for: the file or its folder.</param>
    public abstract Checkpoint Open(string file, string path);
}
