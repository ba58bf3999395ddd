using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.Testing;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Tests.PreTokenizers;

/// <summary>Compiled patterns match as the same text does that a file gives.</summary>
public sealed class PublishedPatternsTests
{
    public static TheoryData<string> Texts => [.. PublishedPatterns.Texts];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Find_RandomText_MatchesAsTheInterpretedPattern(string text)
    {
        var compiled = PublishedPatterns.Find(text)!;
        Regex interpreted = new(text, RegexOptions.CultureInvariant);
        Random random = new(6);
        Assert.Equal(text, compiled.ToString());
        for (var i = 0; i < 1500; i++)
        {
            var sample = RandomTexts.Next(random, 40) + " 'S it's WE'LL 12345\r\n \n\n  x/ //\t ";
            Assert.Equal(Parts(interpreted, sample), Parts(compiled, sample));
        }
    }

    [Fact]
    public void Texts_HoldThePatternOfAPublishedFile()
    {
        using var document = JsonDocument.Parse(
            File.ReadAllBytes(SharedAssets.Path("tokenizers", "qwen3", "tokenizer.json")));
        var pattern = document.RootElement.GetProperty("pre_tokenizer").GetProperty("pretokenizers")[0]
            .GetProperty("pattern").GetProperty("Regex").GetString()!;

        Assert.Contains(pattern, PublishedPatterns.Texts);
    }

    private static List<(int, int, bool)> Parts(Regex pattern, string text)
    {
        List<(int, int, bool)> parts = [];
        foreach (var part in new PatternParts(Pattern.BuiltIn(pattern), text))
        {
            parts.Add(part);
        }

        Assert.Equal(text.Length, parts.Sum(part => part.Item2 - part.Item1));
        return parts;
    }
}
