using System.Text;
using Slipway.Tokenization;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Writes the log-probabilities of tokens.</summary>
/// <param name="tokenizer">Gives the bytes of tokens.</param>
internal sealed class LogprobWriter(HuggingFaceTokenizer tokenizer)
{
    /// <summary>Writes tokens with their most probable alternatives.</summary>
    public ChoiceLogprobs Write(IEnumerable<GeneratedToken> tokens) => new([.. tokens.Select(token => Of(
        token.Id, token.LogProbability ?? 0,
        [.. token.Alternatives.Select(other => Of(other.Id, other.LogProbability, null))]))]);

    /// <summary>The text of a token; what is no character alone is written as the API writes it.</summary>
    public string TextOf(int id)
    {
        var bytes = tokenizer.TokenBytes(id).Span;
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return "bytes:" + string.Concat(bytes.ToArray().Select(value => $"\\x{value:x2}"));
        }
    }

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private TokenLogprob Of(int id, float logprob, IReadOnlyList<TokenLogprob>? alternatives) => new(
        TextOf(id), Finite(logprob), [.. tokenizer.TokenBytes(id).ToArray().Select(value => (int)value)], alternatives);

    // JSON has no infinity; the API writes this for what cannot be.
    private static float Finite(float logprob) => float.IsFinite(logprob) ? logprob : -9999;
}
