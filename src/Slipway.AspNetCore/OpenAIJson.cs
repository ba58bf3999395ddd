using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Slipway.AspNetCore.Adapters;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Classify;
using Slipway.AspNetCore.Completions;
using Slipway.AspNetCore.Embeddings;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;
using Slipway.AspNetCore.Rerank;
using Slipway.AspNetCore.Responses;
using Slipway.AspNetCore.Tokens;

namespace Slipway.AspNetCore;

/// <summary>Reads and writes the types of the endpoints, without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(ModelInfo))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ChatCompletionRequest))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatCompletionChunk))]
[JsonSerializable(typeof(CompletionRequest))]
[JsonSerializable(typeof(Completion))]
[JsonSerializable(typeof(EmbeddingRequest))]
[JsonSerializable(typeof(EmbeddingResponse))]
[JsonSerializable(typeof(ResponseRequest))]
[JsonSerializable(typeof(Response))]
[JsonSerializable(typeof(ResponseEvent))]
[JsonSerializable(typeof(DeletedResponse))]
[JsonSerializable(typeof(ResponseItemList))]
[JsonSerializable(typeof(CountedInput))]
[JsonSerializable(typeof(RerankRequest))]
[JsonSerializable(typeof(RerankResponse))]
[JsonSerializable(typeof(ClassifyRequest))]
[JsonSerializable(typeof(ClassifyResponse))]
[JsonSerializable(typeof(LoadAdapterRequest))]
[JsonSerializable(typeof(UnloadAdapterRequest))]
[JsonSerializable(typeof(TokenizeRequest))]
[JsonSerializable(typeof(TokenizeResponse))]
[JsonSerializable(typeof(DetokenizeRequest))]
[JsonSerializable(typeof(DetokenizeResponse))]
internal sealed partial class OpenAIJson : JsonSerializerContext
{
    // Texts are written as they are: the responses are JSON and never part of a page.
    static OpenAIJson()
    {
        Default = new OpenAIJson(new JsonSerializerOptions(s_defaultOptions)
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        });
    }
}
