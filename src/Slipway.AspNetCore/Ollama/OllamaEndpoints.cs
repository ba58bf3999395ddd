using Microsoft.AspNetCore.Http;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Answers messages and prompts: <c>POST /api/chat</c> and <c>POST /api/generate</c>.</summary>
internal static class OllamaEndpoints
{
    public static async Task ChatAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OllamaJson.Default.OllamaChatRequest, takesAnyType: true)
            .ConfigureAwait(false);
        var (model, adapter) = OllamaModels.Find(context.Catalog, request.Model);
        var answering = new OllamaAnswering<OllamaChatAnswer>(
            context, request.Model, OllamaJson.Default.OllamaChatAnswer);
        var options = OllamaOptions.Read(request, adapter);
        if (request.Messages is not { Count: > 0 } messages)
        {
            KeepAlive.RequireLoad(request.KeepAlive);
            await answering.LoadAsync(model).ConfigureAwait(false);
            return;
        }

        KeepAlive.Check(request.KeepAlive);
        options.Tools = OllamaMessages.Read(request.Tools);
        await answering.AnswerAsync(model, OllamaMessages.Read(messages), options, request.Stream != false)
            .ConfigureAwait(false);
    }

    public static async Task GenerateAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OllamaJson.Default.OllamaGenerateRequest, takesAnyType: true)
            .ConfigureAwait(false);
        var (model, adapter) = OllamaModels.Find(context.Catalog, request.Model);
        var answering = new OllamaAnswering<OllamaGenerateAnswer>(
            context, request.Model, OllamaJson.Default.OllamaGenerateAnswer);
        Require.Absent(!string.IsNullOrEmpty(request.Suffix), "suffix", "The models here fill no gaps.");
        Require.Absent(
            request.Context.IsGiven(), "context", "Send the conversation's messages to '/api/chat'.");
        var options = OllamaOptions.Read(request, adapter);
        if (string.IsNullOrEmpty(request.Prompt) && request.Images is not { Count: > 0 })
        {
            KeepAlive.RequireLoad(request.KeepAlive);
            await answering.LoadAsync(model).ConfigureAwait(false);
            return;
        }

        KeepAlive.Check(request.KeepAlive);
        if (request.Raw == true)
        {
            Require.Absent(request.Images is { Count: > 0 }, "images", "A raw prompt is text alone.");
            await answering.ContinueAsync(model, request.Prompt!, options, request.Stream != false)
                .ConfigureAwait(false);
            return;
        }

        await answering.AnswerAsync(model, OllamaMessages.Read(request), options, request.Stream != false)
            .ConfigureAwait(false);
    }

    /// <summary>Says that there is nothing at a path.</summary>
    public static Task NotFoundAsync(RequestContext context) => throw new OpenAIException(
        StatusCodes.Status404NotFound,
        $"'{OpenAIException.Excerpt(context.Http.Request.Method)} "
        + $"{OpenAIException.Excerpt(context.Http.Request.Path)}' is not served here. Models are named when the server "
        + "starts; they are neither pulled, made, copied nor deleted by requests.");
}
