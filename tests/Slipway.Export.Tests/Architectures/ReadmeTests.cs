using System.Text.RegularExpressions;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

public sealed partial class ReadmeTests
{
    [Fact]
    public void Readme_TableOfArchitectures_HasARowForEachAndNoOther()
    {
        string readme = Path.Combine(SharedAssets.Repository, "README.md");
        IEnumerable<string> rows = File.ReadLines(readme)
            .SkipWhile(line => line != "## Architectures").Skip(1)
            .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Select(line => Row().Match(line)).Where(match => match.Success)
            .SelectMany(match => match.Groups[1].Value.Split(", ")).Select(name => name.Trim('`'));

        Assert.Equal(Exporter.Architectures, rows.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^\| ((?:`[A-Za-z0-9_]+`(?:, )?)+) \|")]
    private static partial Regex Row();
}
