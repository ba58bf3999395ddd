using System.Text.Json;

namespace Slipway.Tokenization.Tests;

/// <summary>Texts with the ids that Hugging Face's tokenizers give them.</summary>
internal static class ReferenceTexts
{
    /// <summary>Compares ids and texts, with special tokens and without, whole and streamed.</summary>
    public static void AssertEqual(HuggingFaceTokenizer tokenizer, string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        List<string> failures = [];
        var count = 0;
        foreach (var item in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            var text = item.GetProperty("text").GetString()!;
            int[] ids = Ids(item, "ids"), withSpecials = Ids(item, "ids_with_specials");
            count++;
            Check(text, "ids", string.Join(',', ids), string.Join(',', tokenizer.Encode(text, false)), failures);
            Check(text, "ids with specials", string.Join(',', withSpecials),
                string.Join(',', tokenizer.Encode(text, true)), failures);
            Check(text, "decoded", item.GetProperty("decoded").GetString()!, tokenizer.Decode(ids, false), failures);
            Check(text, "decoded without specials", item.GetProperty("decoded_skip_specials").GetString()!,
                tokenizer.Decode(withSpecials, true), failures);
            var stream = tokenizer.CreateStreamDecoder(skipSpecialTokens: true);
            var streamed = string.Concat(withSpecials.Select(stream.Append)) + stream.Flush();
            Check(text, "streamed", tokenizer.Decode(withSpecials, true), streamed, failures);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{path}: {count} texts, {failures.Count} differences");
        Assert.NotEqual(0, count);
        Assert.True(failures.Count == 0, string.Join('\n', failures.Take(10)));
    }

    private static int[] Ids(JsonElement item, string key) =>
        [.. item.GetProperty(key).EnumerateArray().Select(id => id.GetInt32())];

    private static void Check(string text, string what, string expected, string actual, List<string> failures)
    {
        if (expected != actual)
        {
            failures.Add($"{what} of '{text}': expected '{expected}', got '{actual}'");
        }
    }
}
