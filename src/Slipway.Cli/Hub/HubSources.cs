using System.CommandLine;

namespace Slipway.Cli.Hub;

/// <summary>Puts the folders of pulled repositories in place of sources such as <c>hf://owner/name</c>.</summary>
internal static class HubSources
{
    /// <summary>Tells whether an argument of the command line names a pulled repository.</summary>
    public static bool Any(ParseResult parsed) => parsed.CommandResult.Tokens.Any(token => Start(token.Value) >= 0);

    /// <summary>Replaces such arguments; texts that options take stay as they are.</summary>
    /// <exception cref="UsageException">A repository has not been pulled, or has no such file.</exception>
    public static string[] Resolve(ParseResult parsed, string[] args, HubSettings settings)
    {
        var sources = parsed.CommandResult.Tokens.Select(token => token.Value).Where(text => Start(text) >= 0)
            .ToHashSet(StringComparer.Ordinal);
        return [.. args.Select(argument => sources.Contains(argument)
            ? argument[..Start(argument)] + Find(argument[Start(argument)..], settings)
            : argument)];
    }

    private static string Find(string source, HubSettings settings)
    {
        var (name, path) = HubName.ParseSource(source);
        var folder = new HubCache(settings.CacheFolder, name).FindSnapshot() ?? throw new UsageException(
            $"'{name.Repository}' at revision '{name.Revision}' has not been pulled into '{settings.CacheFolder}'. Run "
            + $"'slipway pull {name.Repository}' first.");
        var found = path.Length == 0 ? folder : Path.GetFullPath(Path.Combine([folder, .. path.Split('/')]));
        return found.StartsWith(folder, StringComparison.Ordinal) && Path.Exists(found)
            ? found
            : throw new UsageException(
                $"'{name.Repository}' has no pulled file '{path}'. Run 'slipway pull {name.Repository}' without "
                + "--exclude.");
    }

    // A source, or NAME=source.
    private static int Start(string argument)
    {
        var at = argument.IndexOf(HubName.Scheme, StringComparison.Ordinal);
        return at <= 0 || argument.IndexOf('=', StringComparison.Ordinal) == at - 1 ? at : -1;
    }
}
