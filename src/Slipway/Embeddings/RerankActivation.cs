using System.Text.Json;
using Slipway.Packaging;

namespace Slipway.Embeddings;

/// <summary>Reads the function by which a cross-encoder's files turn logits into scores.</summary>
/// <remarks>Source: Sentence Transformers' files, present and older ones.</remarks>
internal static class RerankActivation
{
    /// <summary>Tells whether scores are the sigmoid of the logits; else they are the logits.</summary>
    /// <remarks>A model with one label and no word about it has the sigmoid.</remarks>
    /// <exception cref="NotSupportedException">The files name another function.</exception>
    public static bool IsSigmoid(EncoderPackage package, int labels)
    {
        var name = Find(package, "config_sentence_transformers.json", "activation_fn")
            ?? Find(package, "config.json", "sentence_transformers", "activation_fn")
            ?? Find(package, "config.json", "sbert_ce_default_activation_function");
        return name?[(name.LastIndexOf('.') + 1)..] switch
        {
            null => labels == 1,
            "Sigmoid" => true,
            "Identity" => false,
            var other => throw new NotSupportedException(
                $"The package '{package.Path}' names the activation '{Excerpt.Of(other)}'; 'Sigmoid' and 'Identity' "
                + "are known. Take the logits, or name one of the two in 'config_sentence_transformers.json'."),
        };
    }

    private static string? Find(EncoderPackage package, string file, params string[] keys)
    {
        if (package.FindFile(file) is not { } path)
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var value = json.RootElement;
            foreach (var key in keys)
            {
                if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(key, out value))
                {
                    return null;
                }
            }

            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (JsonException e)
        {
            throw new PackageException(
                path, $"The file '{path}' is not valid: {e.Message} Export the package again, or mend the file.", e);
        }
    }
}
