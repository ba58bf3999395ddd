using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Holds an error as Ollama's API has it: a sentence.</summary>
internal sealed record OllamaError(string Error)
{
    /// <summary>Writes an error as the response, or as the last line of one that has begun.</summary>
    public static Task WriteAsync(HttpContext http, OpenAIException error)
    {
        if (!http.Response.HasStarted)
        {
            OpenAIHandler.Begin(http, error);
        }

        return JsonSerializer.SerializeAsync(
            http.Response.Body, new OllamaError(error.Message), OllamaJson.Default.OllamaError);
    }
}
