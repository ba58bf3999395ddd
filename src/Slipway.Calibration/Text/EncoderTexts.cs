using System.Text.Json.Nodes;
using Slipway.Tokenization;

namespace Slipway.Calibration.Text;

/// <summary>Makes the texts of an encoder: parts of a given one, or random tokens.</summary>
internal static class EncoderTexts
{
    // Positions that some families leave out at the beginning.
    private const int Reserved = 2;

    /// <summary>Returns texts of one length, with the tokens that the tokenizer puts around each.</summary>
    /// <param name="folder">The package: <c>config.json</c>, and <c>tokenizer.json</c> where it has one.</param>
    /// <param name="options">The texts that are wanted.</param>
    /// <exception cref="ArgumentException">The given text is shorter than one part.</exception>
    /// <exception cref="InvalidDataException">The configuration does not say how many tokens there are.</exception>
    public static IReadOnlyList<int[]> Get(string folder, CalibrationOptions options)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        config = config["text_config"] as JsonObject ?? config;
        var tokenizer = options.Text is not null || File.Exists(Path.Combine(folder, "tokenizer.json"))
            ? HuggingFaceTokenizer.Load(folder) : null;
        var around = tokenizer?.Encode("", addSpecialTokens: true) ?? [];
        int[] first = [.. around.Take(1)], last = [.. around.Skip(1).TakeLast(1)];
        var length = Math.Min(
            options.TokensPerText, Whole(config, "max_position_embeddings") - Reserved ?? options.TokensPerText);
        if (options.Text is { } text)
        {
            return GivenText.Cut(
                tokenizer!.Encode(text, addSpecialTokens: false), first, last, length, options.Texts);
        }

        var vocabulary = Whole(config, "vocab_size") ?? throw new InvalidDataException(
            $"'{folder}/config.json' states no 'vocab_size', so no tokens can be drawn. Give a text to calibrate over "
            + "('--calibration').");
        Random random = new(options.Seed);
        return
        [
            .. Enumerable.Range(0, options.Texts).Select(int[] (_) =>
            [
                .. first,
                .. Enumerable.Range(0, length - first.Length - last.Length).Select(_ => random.Next(vocabulary)),
                .. last,
            ]),
        ];
    }

    private static int? Whole(JsonObject config, string key) =>
        config[key] is JsonValue value && value.TryGetValue<int>(out var number) && number > 0 ? number : null;
}
