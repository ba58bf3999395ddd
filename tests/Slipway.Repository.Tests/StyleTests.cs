using System.Text.RegularExpressions;
using Slipway.Testing;

namespace Slipway.Repository.Tests;

/// <summary>Holds the sources to the style that no analyzer knows.</summary>
public sealed partial class StyleTests
{
    private const int Columns = 120;

    [Fact]
    public void Sources_Lines_FitTheColumns()
        => Assert.Empty(
            from path in Sources("src", "tests", "samples")
            from line in CodeLines(path)
            where line.Text.Length > Columns
            select $"{path}({line.Number}): {line.Text.Length} characters");

    [Fact]
    public void Sources_Summaries_BeginWithAVerbOrANoun()
        => Assert.Empty(
            from path in Sources("src")
            from Match match in QuestionWord().Matches(File.ReadAllText(path))
            select $"{path}: {match.Value}");

    [GeneratedRegex(@"<summary>(\s*///\s*)?(What|Where|Whether|How)\b[^\n]*")]
    private static partial Regex QuestionWord();

    private static IEnumerable<string> Sources(params string[] folders)
        => folders.SelectMany(folder => Directory.EnumerateFiles(
            Path.Combine(SharedAssets.Repository, folder), "*.cs", SearchOption.AllDirectories));

    // Lines of raw strings are a document's own and stay as they are.
    private static IEnumerable<(int Number, string Text)> CodeLines(string path)
    {
        var (number, isRaw) = (0, false);
        foreach (var line in File.ReadLines(path))
        {
            number++;
            var touchesRaw = line.Contains("\"\"\"", StringComparison.Ordinal);
            if (!isRaw && !touchesRaw)
            {
                yield return (number, line);
            }

            isRaw ^= touchesRaw && line.Split("\"\"\"").Length % 2 == 0;
        }
    }
}
