using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Responses;

/// <summary>Answers items and keeps the answers: <c>POST /responses</c>, and what is done with those kept.</summary>
internal static class ResponsesEndpoint
{
    public static async Task CreateAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.ResponseRequest).ConfigureAwait(false);
        var (model, messages, options, before, input) = await ReadAsync(context, request).ConfigureAwait(false);
        var client = ChatCompletionEndpoint.RequireChat(model);
        using var engine = await model.UseEngineAsync(context.Aborted).ConfigureAwait(false);
        var builder = new ResponseBuilder(
            request, () => context.Catalog.Now.ToUnixTimeSeconds(),
            ResponseOptions.HasLogprobs(request) && engine is not null
                ? new LogprobWriter(engine.Model.Tokenizer) : null);
        var updates = request.Truncation == "auto"
            ? ShortenedConversation.AnswerAsync(client, messages, options, context.Aborted)
            : client.GetStreamingResponseAsync(messages, options, context.Aborted);
        if (request.Stream == true)
        {
            await StreamAsync(context, builder, updates, SaveAsync).ConfigureAwait(false);
            return;
        }

        await foreach (var update in updates.ConfigureAwait(false))
        {
            _ = builder.Append(update);
        }

        _ = builder.Close();
        var response = builder.Complete();
        await SaveAsync(response).ConfigureAwait(false);
        await context.WriteAsync(response, OpenAIJson.Default.Response).ConfigureAwait(false);

        Task SaveAsync(Response whole) => request.Store == false ? Task.CompletedTask : Store(context).AddAsync(
            new StoredResponse(
                whole.Id, context.Key, JsonSerializer.Serialize(whole, OpenAIJson.Default.Response), Write(input),
                Write([.. before, .. input, .. whole.Output.Select(
                    item => JsonSerializer.SerializeToElement(item, OpenAIJson.Default.ResponseItem))])));
    }

    public static async Task GetAsync(RequestContext context)
    {
        Require.Absent(
            context.Http.Request.Query["stream"] == "true", "stream", "Responses that are kept are given whole.");
        context.Http.Response.ContentType = "application/json";
        await context.Http.Response.WriteAsync(
            (await FindAsync(context, Id(context)).ConfigureAwait(false)).Response, context.Aborted)
            .ConfigureAwait(false);
    }

    public static async Task DeleteAsync(RequestContext context)
    {
        if (!await Store(context).DeleteAsync(Id(context), context.Key).ConfigureAwait(false))
        {
            throw NotFound(Id(context), null);
        }

        await context.WriteAsync(new DeletedResponse(Id(context)), OpenAIJson.Default.DeletedResponse)
            .ConfigureAwait(false);
    }

    /// <summary>Counts the tokens of a request: what its prompt is to the model.</summary>
    public static async Task CountAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.ResponseRequest).ConfigureAwait(false);
        var (model, messages, options, _, _) = await ReadAsync(context, request).ConfigureAwait(false);

        // The prompt that a request has is known to its model alone; what is computed of it, the next request has.
        options.MaxOutputTokens = 1;
        var response = await ChatCompletionEndpoint.RequireChat(model)
            .GetResponseAsync(messages, options, context.Aborted).ConfigureAwait(false);
        await context.WriteAsync(
            new CountedInput(response.Usage?.InputTokenCount ?? throw OpenAIException.Unsupported(
                "model", $"The model '{OpenAIException.Excerpt(model.Name)}' does not tell how many tokens it reads.")),
            OpenAIJson.Default.CountedInput).ConfigureAwait(false);
    }

    public static async Task CancelAsync(RequestContext context)
    {
        _ = await FindAsync(context, Id(context)).ConfigureAwait(false);
        throw new OpenAIException(
            400, $"The response '{OpenAIException.Excerpt(Id(context))}' is complete; only one that runs in the "
            + "background can be cancelled, and none does here. Close the connection of a request to end it.");
    }

    public static async Task InputItemsAsync(RequestContext context)
    {
        var stored = await FindAsync(context, Id(context)).ConfigureAwait(false);
        await context.WriteAsync(
            InputItemPage.Of(Read(stored.Input), context.Http.Request.Query), OpenAIJson.Default.ResponseItemList)
            .ConfigureAwait(false);
    }

    private static async Task<(
        ServedModel Model, IReadOnlyList<ChatMessage> Messages, ChatOptions Options, IReadOnlyList<JsonElement> Before,
        IReadOnlyList<JsonElement> Input)> ReadAsync(RequestContext context, ResponseRequest request)
    {
        var (model, adapter) = context.Catalog.Find(request.Model);
        _ = ChatCompletionEndpoint.RequireChat(model);
        var options = ResponseOptions.Read(request, adapter);
        var before = await ConversationAsync(context, request).ConfigureAwait(false);
        var input = Items(request.Input);
        var reader = new ItemReader();
        foreach (var item in before)
        {
            reader.Add(item, "previous_response_id");
        }

        foreach (var (index, item) in input.Index())
        {
            reader.Add(item, request.Input.ValueKind == JsonValueKind.String ? "input" : $"input[{index}]");
        }

        return (model, reader.Messages, options, before, input);
    }

    private static async Task StreamAsync(
        RequestContext context, ResponseBuilder builder, IAsyncEnumerable<ChatResponseUpdate> updates,
        Func<Response, Task> saveAsync)
    {
        EventStream? events = null;
        try
        {
            await foreach (var update in updates.ConfigureAwait(false))
            {
                if (events is null)
                {
                    // Nothing is sent before the first update, so that a request that is refused has its status.
                    events = await EventStream.StartAsync(context.Http).ConfigureAwait(false);
                    await WriteAsync(builder.Begin()).ConfigureAwait(false);
                }

                await WriteAsync(builder.Append(update)).ConfigureAwait(false);
            }

            if (events is null)
            {
                events = await EventStream.StartAsync(context.Http).ConfigureAwait(false);
                await WriteAsync(builder.Begin()).ConfigureAwait(false);
            }

            await WriteAsync(builder.Close()).ConfigureAwait(false);
            var response = builder.Complete();
            await saveAsync(response).ConfigureAwait(false);
            await WriteAsync([builder.End(response)]).ConfigureAwait(false);
        }
        catch (Exception exception) when (events is not null && !context.Http.RequestAborted.IsCancellationRequested)
        {
            var error = OpenAIHandler.ErrorOf(exception, context.Aborted.IsCancellationRequested);
            OpenAIHandler.Log(context.Http, error, exception);
            await WriteAsync([builder.End(builder.Fail(error.Code ?? error.Type, error.Message))])
                .ConfigureAwait(false);
        }

        async Task WriteAsync(IEnumerable<ResponseEvent> told)
        {
            foreach (var one in told)
            {
                await events!.WriteAsync(one, OpenAIJson.Default.ResponseEvent, one.Type).ConfigureAwait(false);
            }
        }
    }

    private static async Task<IReadOnlyList<JsonElement>> ConversationAsync(
        RequestContext context, ResponseRequest request)
        => request.PreviousResponseId is { } id
            ? Read((await Store(context).FindAsync(id, context.Key).ConfigureAwait(false)
                ?? throw NotFound(id, "previous_response_id")).Conversation)
            : [];

    // A text is a message of the user's; items get the ids that the API gives them.
    private static List<JsonElement> Items(JsonElement input)
    {
        if (input.ValueKind == JsonValueKind.String)
        {
            return [JsonSerializer.SerializeToElement(
                new ResponseItem
                {
                    Type = "message", Id = RequestContext.NewId("msg_"), Status = "completed", Role = "user",
                    Content = [new ResponsePart("input_text", input.GetString()!)],
                },
                OpenAIJson.Default.ResponseItem)];
        }

        if (input.ValueKind != JsonValueKind.Array)
        {
            throw OpenAIException.InvalidType("input", JsonShape.KindOf(input), "a string or an array of items");
        }

        Require.Count(input.GetArrayLength(), 1, int.MaxValue, "input");
        return [.. input.EnumerateArray().Select(InputItem.Complete)];
    }

    private static async Task<StoredResponse> FindAsync(RequestContext context, string id)
        => await Store(context).FindAsync(id, context.Key).ConfigureAwait(false) ?? throw NotFound(id, null);

    private static OpenAIException NotFound(string id, string? param) => new(
        param is null ? 404 : 400, $"There is no response '{OpenAIException.Excerpt(id)}' here.", param,
        param is null ? "response_not_found" : "previous_response_not_found");

    private static string Id(RequestContext context) => (string)context.Http.Request.RouteValues["id"]!;

    private static ResponseStore Store(RequestContext context)
        => context.Http.RequestServices.GetRequiredService<ResponseStore>();

    private static string Write(IEnumerable<JsonElement> items)
        => new JsonArray([.. items.Select(item => (JsonNode?)JsonNode.Parse(item.GetRawText()))]).ToJsonString();

    private static IReadOnlyList<JsonElement> Read(string items)
    {
        using var document = JsonDocument.Parse(items);
        return [.. document.RootElement.Clone().EnumerateArray()];
    }
}
