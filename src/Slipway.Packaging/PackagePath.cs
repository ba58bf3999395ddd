namespace Slipway.Packaging;

/// <summary>Resolves file names of a package without ever leaving its folder.</summary>
internal static class PackagePath
{
    /// <summary>Returns the full path of a name inside the folder; null where it would lie outside.</summary>
    public static string? Resolve(string folder, string name)
    {
        if (string.IsNullOrWhiteSpace(name) || Path.IsPathRooted(name) || name.Contains('\\') || name.Contains('\0'))
        {
            return null;
        }

        return name.Split('/').Any(part => part is "" or "." or "..") ? null : Path.Combine(folder, name);
    }
}
