namespace Slipway.Chat;

/// <summary>One request, ready to run: the prompt, how to generate, and how to read the answer.</summary>
/// <param name="model">The model that runs it.</param>
/// <param name="request">What the engine is asked for.</param>
/// <param name="parser">Reads the answer; the forced start of a call is read already.</param>
/// <param name="tags">Special tokens that count as text.</param>
internal sealed class PreparedChatRequest(
    IChatModel model, GenerationRequest request, ChatResponseParser parser, IReadOnlySet<string> tags)
{
    /// <summary>The engine's request.</summary>
    public GenerationRequest Request => request;

    /// <summary>The answer's parser.</summary>
    public ChatResponseParser Parser => parser;

    /// <summary>The text of a token without special tokens that are no tags of the answer's.</summary>
    public string Visible(GeneratedToken token)
        => Request.IncludeSpecialTokens
            && model.SpecialText(token.Id) is { } special
            && !tags.Contains(special)
            && token.Text.EndsWith(special, StringComparison.Ordinal)
                ? token.Text[..^special.Length]
                : token.Text;
}
