using System.Text.Json;
using Slipway.Testing;

namespace Slipway.Tokenization.Tests;

public sealed class SentencePieceTests
{
    private static readonly string[] SpecialNames = ["<unk>", "<s>", "</s>"];

    [Theory]
    [InlineData("spm-bpe-bytefallback")]
    [InlineData("spm-unigram")]
    public void Load_TokenizerModel_GivesTheReferenceIdsAndText(string folder)
    {
        var root = SharedAssets.Path("tokenizers", folder);
        var tokenizer = HuggingFaceTokenizer.Load(root);
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root, "expected-sentencepiece.json")));
        List<string> failures = [];
        int count = 0, named = 0;
        foreach (var item in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!, decoded = item.GetProperty("decoded").GetString()!;
            int[] ids = [.. item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            count++;

            // SentencePiece spells the name of a special token; a tokenizer for models must recognise it, as elsewhere.
            var namesSpecial = SpecialNames.Any(name => text.Contains(name, StringComparison.Ordinal));
            named += namesSpecial ? 1 : 0;
            if (!namesSpecial && !tokenizer.Encode(text, false).AsSpan().SequenceEqual(ids))
            {
                failures.Add(
                    $"'{text}': expected {string.Join(',', ids)}, got "
                    + $"{string.Join(',', tokenizer.Encode(text, false))}");
            }

            if (tokenizer.Decode(ids, false) != decoded)
            {
                failures.Add($"'{text}': expected '{decoded}', got '{tokenizer.Decode(ids, false)}'");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{folder}: {count} texts, {named} of them name a special token, {failures.Count} differences");
        Assert.InRange(named, 1, count / 8);
        Assert.True(failures.Count == 0, string.Join('\n', failures.Take(12)));
    }

    [Fact]
    public void Load_MutatedModel_WorksOrSaysWhichFile()
    {
        var original = File.ReadAllBytes(SharedAssets.Path("tokenizers", "spm-bpe-bytefallback", "tokenizer.model"));
        using TemporaryFolder folder = new();
        Random random = new(5);
        var refused = 0;
        for (var i = 0; i < 150; i++)
        {
            var mutated = random.Next(2) == 0 ? original[..random.Next(original.Length)] : [.. original];
            for (var change = random.Next(1, 6); change > 0 && mutated.Length > 0; change--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(folder["tokenizer.model"], mutated);
            try
            {
                var tokenizer = HuggingFaceTokenizer.Load(folder.Path);
                tokenizer.Decode(tokenizer.Encode("a b 日本", true), false);
            }
            catch (TokenizerFormatException exception)
            {
                refused++;
                Assert.Equal(folder["tokenizer.model"], exception.Path);
            }
        }

        Assert.InRange(refused, 1, 150);
    }
}
