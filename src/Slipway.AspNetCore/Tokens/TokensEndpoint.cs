using Slipway.AspNetCore.Completions;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Tokens;

/// <summary>Holds a request of <c>POST /tokenize</c>, in the form of vLLM's server.</summary>
internal sealed class TokenizeRequest
{
    public required string Model { get; init; }

    public required string Prompt { get; init; }

    public bool? AddSpecialTokens { get; init; }
}

/// <summary>Holds the tokens of a text.</summary>
internal sealed record TokenizeResponse(int Count, int MaxModelLen, IReadOnlyList<int> Tokens);

/// <summary>Holds a request of <c>POST /detokenize</c>.</summary>
internal sealed class DetokenizeRequest
{
    public required string Model { get; init; }

    public required IReadOnlyList<int> Tokens { get; init; }
}

/// <summary>Holds the text of tokens.</summary>
internal sealed record DetokenizeResponse(string Prompt);

/// <summary>Makes tokens of texts and texts of tokens.</summary>
internal static class TokensEndpoint
{
    public static async Task TokenizeAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.TokenizeRequest).ConfigureAwait(false);
        using var use = await CompletionEndpoint.RequireEngineAsync(
            context.Catalog.Find(request.Model).Model, context.Aborted).ConfigureAwait(false);
        var engine = use.Model;
        var ids = engine.Tokenizer.Encode(request.Prompt, request.AddSpecialTokens ?? true);
        await context.WriteAsync(
            new TokenizeResponse(ids.Length, engine.ContextLength, ids), OpenAIJson.Default.TokenizeResponse)
            .ConfigureAwait(false);
    }

    public static async Task DetokenizeAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.DetokenizeRequest).ConfigureAwait(false);
        using var use = await CompletionEndpoint.RequireEngineAsync(
            context.Catalog.Find(request.Model).Model, context.Aborted).ConfigureAwait(false);
        var engine = use.Model;
        foreach (var (index, id) in request.Tokens.Index())
        {
            Require.InRange(id, 0, engine.VocabularySize - 1, $"tokens[{index}]");
        }

        await context.WriteAsync(
            new DetokenizeResponse(engine.Tokenizer.Decode([.. request.Tokens], skipSpecialTokens: false)),
            OpenAIJson.Default.DetokenizeResponse).ConfigureAwait(false);
    }
}
