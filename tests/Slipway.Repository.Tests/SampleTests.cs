using System.Text.RegularExpressions;
using Slipway.Testing;

namespace Slipway.Repository.Tests;

/// <summary>Holds samples short, built and quoted as they are.</summary>
public sealed partial class SampleTests
{
    private const int MaxLines = 80;

    private static string Root => Path.Combine(SharedAssets.Repository, "samples");

    public static TheoryData<string> Samples
        => [.. Directory.EnumerateDirectories(Root).Select(folder => Path.GetFileName(folder))
        .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Sample_Code_FitsOnAPage(string sample)
    {
        var lines = Sources(sample).Sum(file => File.ReadLines(file).Count());

        Assert.InRange(lines, 1, MaxLines);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Sample_Project_IsInTheSolution(string sample)
        => Assert.Contains(
            $"samples\\{sample}\\{sample}.csproj",
            File.ReadAllText(Path.Combine(SharedAssets.Repository, "Sdk.sln")),
            StringComparison.Ordinal);

    public static TheoryData<string> Readmes
        => [.. Directory.EnumerateFiles(Path.Combine(SharedAssets.Repository, "docs"), "*.md")
            .Select(path => Path.Combine("docs", Path.GetFileName(path))).Prepend("README.md").Concat(
            Directory.EnumerateDirectories(Path.Combine(SharedAssets.Repository, "src"))
                .Select(folder => Path.Combine("src", Path.GetFileName(folder), "README.md"))
                .Where(path => File.Exists(Path.Combine(SharedAssets.Repository, path))))];

    [Theory]
    [MemberData(nameof(Readmes))]
    public void Readme_CSharpBlocks_AreQuotedFromSamples(string path)
    {
        var readme = Path.Combine(SharedAssets.Repository, path);

        Assert.All(CSharpBlocks(File.ReadAllLines(readme)), block =>
        {
            Assert.True(
                block.Source.StartsWith("samples/", StringComparison.Ordinal),
                $"The C# block in line {block.Line} of {path} must say '```csharp samples/NAME/Program.cs'.");
            var source = Unindented(File.ReadAllLines(Path.Combine(SharedAssets.Repository, block.Source)));
            Assert.Contains(Unindented(block.Code), source, StringComparison.Ordinal);
        });
    }

    [Theory]
    [MemberData(nameof(Readmes))]
    public void Readme_Links_LeadToFiles(string path)
    {
        var folder = Path.GetDirectoryName(Path.Combine(SharedAssets.Repository, path))!;

        Assert.All(Link().Matches(File.ReadAllText(Path.Combine(SharedAssets.Repository, path))), link =>
        {
            var target = link.Groups["path"].Value;
            Assert.True(Path.Exists(Path.Combine(folder, target)), $"{path} leads to '{target}', which is not there.");
        });
    }

    // A link or a picture whose address is a path, not a URL.
    [GeneratedRegex("""(?:\]\(|src=")(?<path>(?!\w+:)[^)"#]+)""")]
    private static partial Regex Link();

    private static IEnumerable<string> Sources(string sample)
        => Directory.EnumerateFiles(Path.Combine(Root, sample), "*.cs", SearchOption.AllDirectories)
            .Where(
                file => !file.Contains(
                    $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static IEnumerable<(int Line, string Source, List<string> Code)> CSharpBlocks(string[] lines)
    {
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith("```csharp", StringComparison.Ordinal))
            {
                var start = i;
                var code = new List<string>();
                while (++i < lines.Length && !lines[i].StartsWith("```", StringComparison.Ordinal))
                {
                    code.Add(lines[i]);
                }

                yield return (start + 1, lines[start]["```csharp".Length..].Trim(), code);
            }
        }
    }

    private static string Unindented(IEnumerable<string> lines) => string.Join('\n', lines.Select(line => line.Trim()));
}
