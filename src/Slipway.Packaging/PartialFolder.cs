using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Slipway.Packaging;

/// <summary>Names the hidden folders in which packages are made, and removes those whose process is gone.</summary>
/// <remarks>
/// A folder is <c>.TARGET.partial-OWNER-RANDOM</c>, so it has its owner from the moment it exists. The folder is in use
/// as long as that process lives; of an owner elsewhere, in another container or on another machine, as long as
/// something in it changed within a day. A package that is being replaced is renamed to the folder's name and
/// <c>.replaced</c>.
/// </remarks>
internal static class PartialFolder
{
    private const int MaxNameLength = 255;
    private const int RandomBytes = 6;
    private const string ReplacedSuffix = ".replaced";
    private static readonly TimeSpan UnknownOwnersAge = TimeSpan.FromDays(1);

    private static readonly EnumerationOptions Everything = new()
    {
        AttributesToSkip = 0,
        IgnoreInaccessible = true,
        MatchType = MatchType.Simple,
    };

    /// <summary>Refuses a folder name that no file system takes.</summary>
    /// <exception cref="PathTooLongException">The name is longer than 255 bytes, on Windows 255 letters.</exception>
    public static void RequireName(string target)
    {
        var name = Path.GetFileName(target);
        if (Length(name) > MaxNameLength)
        {
            throw new PathTooLongException(
                $"The name of the folder '{target}' has {Length(name)} bytes; file systems take at most "
                + $"{MaxNameLength}. Choose a shorter one.");
        }
    }

    /// <summary>Creates a folder of this process's own beside the target.</summary>
    public static string Create(string target)
    {
        var random = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));
        var folder = Path.Combine(
            Path.GetDirectoryName(target)!, $"{Prefix(target)}{FolderOwner.Current}-{random}");
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>The name under which a package waits while another takes its place.</summary>
    public static string ReplacedName(string folder) => folder + ReplacedSuffix;

    /// <summary>
    /// Removes folders beside the target whose owners are gone, and puts back a package that one of them was replacing.
    /// </summary>
    public static void RemoveAbandoned(string target)
    {
        var prefix = Prefix(target);
        var abandoned = Directory.EnumerateDirectories(Path.GetDirectoryName(target)!, "*", Everything)
            .Where(folder => Path.GetFileName(folder).StartsWith(prefix, StringComparison.Ordinal))
            .Where(folder => IsAbandoned(folder, Path.GetFileName(folder)[prefix.Length..]))
            .ToList();
        foreach (var folder in abandoned)
        {
            if (!folder.EndsWith(ReplacedSuffix, StringComparison.Ordinal) || Directory.Exists(target)
                || !TryRestore(folder, target))
            {
                Remove(folder);
            }
        }
    }

    /// <summary>Removes a folder as far as that is possible.</summary>
    /// <remarks>
    /// Another writer may be removing it too, or it is another user's: the export does not depend on it, and what stays
    /// is tried again by the next writer of the target.
    /// </remarks>
    public static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return;
        }
    }

    /// <summary>Puts a package back that was to be replaced, unless another stands in its place.</summary>
    public static bool TryRestore(string folder, string target)
    {
        try
        {
            Directory.Move(folder, target);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsAbandoned(string folder, string owner)
        => FolderOwner.TryParse(owner, out var process) && process.IsHere
            ? !process.IsAlive
            : TimeProvider.System.GetUtcNow() - LastChange(folder) > UnknownOwnersAge;

    private static DateTime LastChange(string folder)
        => new DirectoryInfo(folder).EnumerateFileSystemInfos("*", Everything)
            .Select(entry => entry.LastWriteTimeUtc)
            .Append(Directory.GetLastWriteTimeUtc(folder))
            .Max();

    // The target's name, or as much of it as leaves room for the rest and a hash that tells it from others.
    private static string Prefix(string target)
    {
        const int Rest = 80;
        var name = Path.GetFileName(target);
        if (Length(name) > MaxNameLength - Rest)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)), 0, 8);
            var kept = name.EnumerateRunes()
                .Aggregate((Text: "", Ended: false), (sum, rune) =>
                    sum.Ended || Length(sum.Text) + rune.Utf8SequenceLength > MaxNameLength - Rest - hash.Length - 1
                        ? (sum.Text, true)
                        : (sum.Text + rune, false));
            name = string.Create(CultureInfo.InvariantCulture, $"{kept.Text}~{hash}");
        }

        return $".{name}.partial-";
    }

    private static int Length(string name)
        => OperatingSystem.IsWindows() ? name.Length : Encoding.UTF8.GetByteCount(name);
}
