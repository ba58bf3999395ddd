using System.Text.Json;
using Slipway.Encoders;

namespace Slipway.Classifiers;

/// <summary>Tells which tokens continue a word. Immutable.</summary>
/// <remarks>
/// Where the vocabulary marks such tokens (<c>continuing_subword_prefix</c>) they are longer than what they stand for;
/// elsewhere they are those without a space before them. Source: transformers' token classification pipeline.
/// </remarks>
internal sealed class WordRule
{
    private readonly bool _hasPrefix;
    private readonly int? _unknown;

    private WordRule(bool hasPrefix, int? unknown) => (_hasPrefix, _unknown) = (hasPrefix, unknown);

    /// <summary>Reads the rule of a package's tokenizer.</summary>
    public static WordRule Read(TextEncoder encoder)
    {
        var files = encoder.Files;
        using var json = JsonDocument.Parse(File.ReadAllBytes(encoder.Package.FindFile("tokenizer.json")!));
        var model = json.RootElement.GetProperty("model");
        var unknown = files.Text("tokenizer_config.json", "unk_token")
            ?? files.Text("tokenizer_config.json", "unk_token", "content") ?? Text(model, "unk_token");
        return new WordRule(
            Text(model, "continuing_subword_prefix") is { Length: > 0 },
            unknown is null ? null : encoder.Tokenizer.TokenToId(unknown));

        static string? Text(JsonElement model, string key)
            => model.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String
                ? value.GetString() : null;
    }

    /// <summary>Tells whether a token belongs to the word of the one before it.</summary>
    public bool Continues(TokenPlace token, string text)
        => token.Id != _unknown && (_hasPrefix
            ? Length(token.Token) != Length(text.AsSpan(token.Start, token.End - token.Start))
            : token.Start > 0 && text[token.Start - 1] != ' ');

    // Characters, not halves of them.
    private static int Length(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
        {
            count++;
        }

        return count;
    }
}
