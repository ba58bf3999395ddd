namespace Slipway.Checkpoints.Files;

// The small files that lie beside a checkpoint's weights.
internal static class CheckpointFolder
{
    // Larger than any tokenizer in use, smaller than what would exhaust memory.
    private const long MaxFile = 512L << 20;

    public static string Of(string file) => Path.GetDirectoryName(Path.GetFullPath(file)) ?? Path.GetFullPath(file);

    // A file by its name relative to the folder; null where absent.
    public static byte[]? ReadFile(string folder, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!IsInside(name))
        {
            throw new ArgumentException(
                $"'{name}' is no name of a file beside the checkpoint; pass a relative name without '..'.",
                nameof(name));
        }

        var path = Path.Combine(folder, name);
        if (!CheckpointFile.IsThere(path))
        {
            return null;
        }

        using var file = CheckpointFile.Open(path);
        if (file.Length > MaxFile)
        {
            throw new CheckpointException(
                $"The file '{path}' has {file.Length} bytes; at most {MaxFile} are read whole. It is not a file " +
                "that belongs beside a checkpoint; remove it.", path);
        }

        return file.ReadHead((int)file.Length);
    }

    // True where a name from a file stays inside the folder that the file lies in.
    public static bool IsInside(string name) =>
        name.Length > 0 && !Path.IsPathRooted(name) && !name.Contains('\\') && !name.Contains(':') &&
        !name.Contains('\0') && name.Split('/').All(part => part is not ("" or "." or ".."));
}
