using System.Text.RegularExpressions;

namespace Slipway.Cli.Hub;

/// <summary>A repository of models on a hub, and a revision of it: a branch, a tag or a commit.</summary>
/// <param name="Repository">The name, <c>owner/name</c> or <c>name</c>.</param>
/// <param name="Revision">The revision.</param>
internal sealed partial record HubName(string Repository, string Revision)
{
    /// <summary>Begins a source that was pulled, <c>hf://owner/name@revision/file</c>.</summary>
    public const string Scheme = "hf://";

    private const string MainRevision = "main";

    /// <summary>Reads a name.</summary>
    /// <exception cref="UsageException">It is none, or the revision is none.</exception>
    public static HubName Parse(string repository, string? revision = null)
    {
        if (!Name().IsMatch(repository) || repository.Contains("..", StringComparison.Ordinal)
            || repository.Contains("--", StringComparison.Ordinal))
        {
            throw new UsageException(
                $"'{repository}' names no repository. Expected OWNER/NAME, as in "
                + "'HuggingFaceTB/SmolLM2-135M-Instruct'.");
        }

        var asked = revision ?? MainRevision;
        return RevisionName().IsMatch(asked) && !asked.Contains("..", StringComparison.Ordinal)
            ? new HubName(repository, asked)
            : throw new UsageException($"'{asked}' is no revision. Expected a branch, a tag or a commit.");
    }

    /// <summary>Reads a source, <c>hf://owner/name@revision/file</c>.</summary>
    /// <returns>The repository, and the path inside it; an empty one for all of it.</returns>
    /// <exception cref="UsageException">It is none.</exception>
    public static (HubName Name, string Path) ParseSource(string source)
    {
        var match = Source().Match(source);
        var revision = match.Groups["revision"] is { Success: true } found ? found.Value : null;
        return match.Success
            ? (Parse(match.Groups["name"].Value, revision), match.Groups["path"].Value)
            : throw new UsageException(
                $"'{source}' names no repository. Expected {Scheme}OWNER/NAME[@REVISION][/FILE].");
    }

    [GeneratedRegex(@"^([A-Za-z0-9][A-Za-z0-9_.-]{0,95}/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,95}\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*\z")]
    private static partial Regex RevisionName();

    [GeneratedRegex(@"^hf://(?<name>[^/@]+(/[^/@]+)?)(@(?<revision>[^/]+))?(/(?<path>.+))?\z")]
    private static partial Regex Source();
}
