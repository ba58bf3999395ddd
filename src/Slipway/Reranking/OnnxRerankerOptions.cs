using Slipway.Packaging;

namespace Slipway;

/// <summary>Says which package a reranker serves and what it may use.</summary>
/// <remarks>
/// <see cref="OnnxEncoderOptions.MaxBatchTokens"/> is a cross-encoder's. <see cref="Instruction"/>,
/// <see cref="TrueToken"/> and <see cref="FalseToken"/> are for decoders that answer yes or no.
/// </remarks>
public sealed class OnnxRerankerOptions : OnnxEncoderOptions
{
    /// <summary>The prompt before every query, by its name in the model's own files; empty for none.</summary>
    /// <value>The model's default prompt, where it has one.</value>
    public string? PromptName { get; set; }

    /// <summary>Instruction that tells a decoder what a passage must do for the query, in place of a named prompt.
    /// </summary>
    /// <value>That of the model's prompt, or else that a web search is answered.</value>
    public string? Instruction { get; set; }

    /// <summary>The token by which a decoder says that a passage answers the query.</summary>
    /// <value>What the model's own files say, or else <c>yes</c>.</value>
    public string? TrueToken { get; set; }

    /// <summary>The token by which a decoder says that a passage does not answer the query.</summary>
    /// <value>What the model's own files say, or else <c>no</c>.</value>
    public string? FalseToken { get; set; }

    /// <inheritdoc/>
    internal override void RequirePackage()
    {
        if (File.Exists(Path.Combine(FullPath, ModelPackage.ConfigFile)))
        {
            ModelPackage.Open(FullPath, PackageVerification.Sizes);
        }
        else
        {
            base.RequirePackage();
        }
    }
}
