namespace Slipway;

/// <summary>Says which package an embedding generator serves and what it may use.</summary>
public sealed class OnnxEmbeddingGeneratorOptions : OnnxEncoderOptions
{
    /// <summary>The prompt before every text, by its name in the model's own files; empty for none.</summary>
    /// <value>The model's default prompt, where it has one.</value>
    public string? PromptName { get; set; }

    /// <summary>Number of an embedding's first values that are kept, scaled to length 1.</summary>
    /// <remarks>
    /// For models that were trained for it (Matryoshka); a request's
    /// <see cref="Microsoft.Extensions.AI.EmbeddingGenerationOptions.Dimensions"/> comes before.
    /// </remarks>
    /// <value>All.</value>
    public int? Dimensions { get; set; }

    internal override IReadOnlyList<string> Errors()
    {
        List<string> errors = [.. base.Errors()];
        Require(errors, nameof(Dimensions), Dimensions);
        return errors;
    }
}
