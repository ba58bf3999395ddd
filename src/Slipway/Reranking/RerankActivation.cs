using Slipway.Encoders;

namespace Slipway.Reranking;

/// <summary>Reads the function by which a cross-encoder's files turn logits into scores.</summary>
/// <remarks>Source: Sentence Transformers' files, present and older ones.</remarks>
internal static class RerankActivation
{
    /// <summary>Tells whether scores are the sigmoid of the logits; else they are the logits.</summary>
    /// <remarks>A model with one label and no word about it has the sigmoid.</remarks>
    /// <exception cref="NotSupportedException">The files name another function.</exception>
    public static bool IsSigmoid(PackageFiles files, int labels)
    {
        var name = files.Text("config_sentence_transformers.json", "activation_fn")
            ?? files.Text("config.json", "sentence_transformers", "activation_fn")
            ?? files.Text("config.json", "sbert_ce_default_activation_function");
        return name?[(name.LastIndexOf('.') + 1)..] switch
        {
            null => labels == 1,
            "Sigmoid" => true,
            "Identity" => false,
            var other => throw new NotSupportedException(
                $"The package '{files.Path}' names the activation '{Excerpt.Of(other)}'; 'Sigmoid' and 'Identity' "
                + "are known. Take the logits, or name one of the two in 'config_sentence_transformers.json'."),
        };
    }
}
