using System.Text.RegularExpressions;

namespace Slipway.Cli.Hub;

/// <summary>The folder of what was pulled, laid out as Hugging Face's own client lays it out.</summary>
/// <remarks>
/// <code>
/// models--OWNER--NAME/blobs/HASH                 contents; HASH.incomplete while they arrive
/// models--OWNER--NAME/snapshots/COMMIT/PATH      links to the contents
/// models--OWNER--NAME/refs/REVISION              the commit that a branch or a tag was at
/// </code>
/// </remarks>
/// <param name="root">The folder of all repositories.</param>
/// <param name="name">The repository.</param>
internal sealed partial class HubCache(string root, HubName name)
{
    private readonly string _folder = Path.Combine(
        root, $"models--{name.Repository.Replace("/", "--", StringComparison.Ordinal)}");

    /// <summary>The path of a content.</summary>
    public string Blob(string hash) => Path.Combine(_folder, "blobs", hash);

    /// <summary>The folder of a commit's files.</summary>
    public string Snapshot(string commit) => Path.Combine(_folder, "snapshots", commit);

    /// <summary>Finds the files of the revision that was pulled last; null where none was.</summary>
    public string? FindSnapshot()
    {
        var reference = Reference();
        var commit = Commit().IsMatch(name.Revision) ? name.Revision
            : File.Exists(reference) ? File.ReadAllText(reference).Trim() : null;
        return commit is not null && Commit().IsMatch(commit) && Directory.Exists(Snapshot(commit))
            ? Snapshot(commit) : null;
    }

    /// <summary>Tells whether a text is a commit's id.</summary>
    public static bool IsCommit(string text) => Commit().IsMatch(text);

    /// <summary>Shows the files of a commit, whose contents are there, and notes that the revision is at it.</summary>
    public void Publish(string commit, IEnumerable<HubFile> files)
    {
        foreach (var file in files)
        {
            var link = Path.Combine([Snapshot(commit), .. file.Path.Split('/')]);
            Directory.CreateDirectory(Path.GetDirectoryName(link)!);
            var blob = Path.GetRelativePath(Path.GetDirectoryName(link)!, Blob(file.Hash));
            if (new FileInfo(link) is var found && (found.LinkTarget is not null || found.Exists))
            {
                if (found.LinkTarget == blob)
                {
                    continue;
                }

                File.Delete(link);
            }

            try
            {
                File.CreateSymbolicLink(link, blob);
            }
            catch (Exception exception) when (OperatingSystem.IsWindows()
                && exception is IOException or UnauthorizedAccessException)
            {
                // Windows lets not every user make links.
                File.Copy(Blob(file.Hash), link);
            }
        }

        if (name.Revision != commit)
        {
            var reference = Reference();
            Directory.CreateDirectory(Path.GetDirectoryName(reference)!);
            File.WriteAllText($"{reference}.incomplete", commit);
            File.Move($"{reference}.incomplete", reference, overwrite: true);
        }
    }

    private string Reference() => Path.Combine([_folder, "refs", .. name.Revision.Split('/')]);

    [GeneratedRegex("^([0-9a-f]{40}|[0-9a-f]{64})\\z")]
    private static partial Regex Commit();
}
