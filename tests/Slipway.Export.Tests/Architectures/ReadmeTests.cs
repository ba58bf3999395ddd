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
            .Select(line => Row().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value);

        Assert.Equal(Exporter.Architectures, rows.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^\| `([A-Za-z0-9_]+(?:ForCausalLM|LMHeadModel))` \|")]
    private static partial Regex Row();
}
