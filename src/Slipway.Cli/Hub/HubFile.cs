namespace Slipway.Cli.Hub;

/// <summary>A file of a repository, as the hub describes it.</summary>
/// <param name="Path">Its path in the repository, with slashes.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="Hash">SHA-256 of its content, or Git's SHA-1 of it, in lower hexadecimal digits.</param>
/// <param name="Address">Where its content is.</param>
internal sealed record HubFile(string Path, long Size, string Hash, Uri Address);

/// <summary>A commit of a repository and the paths of its files.</summary>
internal sealed record HubCommit(string Id, IReadOnlyList<string> Paths);
