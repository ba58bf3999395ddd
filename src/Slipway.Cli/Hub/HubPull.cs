using System.IO.Enumeration;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Hub;

/// <summary>Brings a repository into the folder of what was pulled.</summary>
/// <remarks>All contents are there and checked before any of them shows in the snapshot's folder.</remarks>
/// <param name="settings">Where the hub and the folder are.</param>
internal sealed class HubPull(HubSettings settings)
{
    private const int ConcurrentQuestions = 4;

    /// <summary>Pulls.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="include">Patterns of paths to bring; none for all. <c>*</c> stands for any characters.</param>
    /// <param name="exclude">Patterns of paths to leave.</param>
    /// <param name="progress">Told what is done, a part of 1 and some words.</param>
    /// <param name="cancellationToken">Stops; the next run goes on from there.</param>
    public async Task<PullReport> RunAsync(
        HubName name, IReadOnlyList<string> include, IReadOnlyList<string> exclude,
        IProgress<(double Share, string Words)> progress, CancellationToken cancellationToken)
    {
        var cache = new HubCache(settings.CacheFolder, name);
        if (settings.Offline)
        {
            return cache.FindSnapshot() is { } there
                ? new PullReport(name, Path.GetFileName(there), there, [], 0)
                : throw new UsageException(
                    $"'{name.Repository}' at revision '{name.Revision}' has not been pulled, and HF_HUB_OFFLINE "
                    + "forbids to ask a hub. Unset it, or name another HF_HOME.");
        }

        using var client = new HubClient(settings);
        var commit = await client.ReadCommitAsync(name, cancellationToken).ConfigureAwait(false);
        string[] paths = [.. commit.Paths.Where(path => (include.Count == 0 || include.Any(Matches(path)))
            && !exclude.Any(Matches(path)))];
        if (paths.Length == 0)
        {
            throw new UsageException(
                $"None of the {commit.Paths.Count} files of '{name.Repository}' is asked for. Change --include and "
                + "--exclude.");
        }

        var files = new HubFile[paths.Length];
        await Parallel.ForAsync(
            0, paths.Length,
            new ParallelOptions { MaxDegreeOfParallelism = ConcurrentQuestions, CancellationToken = cancellationToken },
            async (index, token) => files[index] = await client.ReadFileAsync(name, commit.Id, paths[index], token)
                .ConfigureAwait(false)).ConfigureAwait(false);
        HubFile[] missing = [.. files.DistinctBy(file => file.Hash)
            .Where(file => new FileInfo(cache.Blob(file.Hash)) is not { Exists: true } blob
                || blob.Length != file.Size)];
        RequireRoom(cache, missing);

        var (total, done) = (missing.Sum(file => file.Size), 0L);
        var download = new BlobDownload(client, name, settings);
        foreach (var file in missing)
        {
            await download.RunAsync(
                file, cache.Blob(file.Hash),
                bytes => progress.Report((
                    (done + bytes) / (double)Math.Max(total, 1),
                    $"{Amounts.Bytes(done + bytes)} of {Amounts.Bytes(total)}, {file.Path}")),
                cancellationToken).ConfigureAwait(false);
            done += file.Size;
        }

        cache.Publish(commit.Id, files);
        return new PullReport(name, commit.Id, cache.Snapshot(commit.Id), files, total);
    }

    private static Func<string, bool> Matches(string path)
        => pattern => FileSystemName.MatchesSimpleExpression(pattern, path, ignoreCase: false);

    private void RequireRoom(HubCache cache, IReadOnlyList<HubFile> missing)
    {
        var needed = missing.Sum(file => file.Size
            - (new FileInfo($"{cache.Blob(file.Hash)}.incomplete") is { Exists: true } begun ? begun.Length : 0));
        Directory.CreateDirectory(settings.CacheFolder);
        var free = new DriveInfo(settings.CacheFolder).AvailableFreeSpace;
        if (needed > free)
        {
            throw new IOException(
                $"{Amounts.Bytes(needed)} are to be downloaded; '{settings.CacheFolder}' has room for "
                + $"{Amounts.Bytes(free)}. Make room, leave files out by --exclude, or set HF_HOME to another folder.");
        }
    }
}

/// <summary>Tells what was pulled.</summary>
/// <param name="Name">The repository.</param>
/// <param name="Commit">The commit that its revision is at.</param>
/// <param name="Folder">The folder of its files.</param>
/// <param name="Files">The files; none offline.</param>
/// <param name="DownloadedBytes">Bytes that were not there before.</param>
internal sealed record PullReport(
    HubName Name, string Commit, string Folder, IReadOnlyList<HubFile> Files, long DownloadedBytes);
