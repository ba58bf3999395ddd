using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Hosting;

namespace Slipway.AspNetCore.Responses;

/// <summary>Makes a response of a client's updates, and the events that tell of it as it comes.</summary>
/// <param name="request">The request.</param>
/// <param name="now">Tells the time, in seconds since 1970.</param>
/// <param name="logprobs">Writes log-probabilities; null where none are asked for.</param>
internal sealed class ResponseBuilder(ResponseRequest request, Func<long> now, LogprobWriter? logprobs = null)
{
    private static readonly JsonElement Auto = JsonDocument.Parse("\"auto\"").RootElement.Clone();
    private readonly long _created = now();
    private readonly string _id = RequestContext.NewId("resp_");
    private readonly List<ResponseItem> _output = [];
    private readonly StringBuilder _text = new();
    private readonly List<TokenLogprob> _tokens = [];
    private int _toldTokens;
    private ResponseItem? _open;
    private UsageDetails? _usage;
    private ChatFinishReason? _reason;
    private int _events;

    /// <summary>Begins the response.</summary>
    public IEnumerable<ResponseEvent> Begin() =>
    [
        Event("response.created") with { Response = Build("in_progress") },
        Event("response.in_progress") with { Response = Build("in_progress") },
    ];

    /// <summary>Takes an update.</summary>
    public IEnumerable<ResponseEvent> Append(ChatResponseUpdate update)
    {
        _reason = update.FinishReason ?? _reason;
        TakeTokens(update);
        return [.. update.Contents.SelectMany(Append)];
    }

    /// <summary>Ends the item that is open.</summary>
    public IEnumerable<ResponseEvent> Close()
    {
        if (_open is not { } item)
        {
            return [];
        }

        var (index, text) = (_output.Count, _text.ToString());
        var part = new ResponsePart(PartType(item), text)
        {
            Logprobs = item.Type == "reasoning" ? null : [.. _tokens],
        };
        var done = item with { Status = item.Status is null ? null : Status, Content = [part] };
        _output.Add(done);
        _open = null;
        var tokens = part.Logprobs ?? [];
        _text.Clear();
        if (item.Type != "reasoning")
        {
            _tokens.Clear();
            _toldTokens = 0;
        }

        return item.Type == "reasoning"
            ?
            [
                Event("response.reasoning_text.done") with
                {
                    OutputIndex = index, ItemId = item.Id, ContentIndex = 0, Text = text,
                },
                Event("response.output_item.done") with { OutputIndex = index, Item = done },
            ]
            :
            [
                Event("response.output_text.done") with
                {
                    OutputIndex = index, ItemId = item.Id, ContentIndex = 0, Text = text, Logprobs = tokens,
                },
                Event("response.content_part.done") with
                {
                    OutputIndex = index, ItemId = item.Id, ContentIndex = 0, Part = part,
                },
                Event("response.output_item.done") with { OutputIndex = index, Item = done },
            ];
    }

    /// <summary>Gives the whole response; all items must be closed.</summary>
    public Response Complete() => Build(Status);

    /// <summary>Gives the response where the model failed.</summary>
    public Response Fail(string code, string message) => Build("failed") with
    {
        Error = new ResponseError(code, message),
    };

    /// <summary>Tells of the end.</summary>
    public ResponseEvent End(Response response)
        => Event($"response.{response.Status}") with { Response = response };

    // Tokens of reasoning and calls, and the one that ends an answer, are none of a text's.
    private void TakeTokens(ChatResponseUpdate update)
    {
        if (logprobs is not null && update.RawRepresentation is IReadOnlyList<GeneratedToken> own
            && update.Contents.Any(content => content is TextContent)
            && !update.Contents.Any(content => content is TextReasoningContent or FunctionCallContent))
        {
            _tokens.AddRange(logprobs.Write(own).Content);
        }
    }

    private IEnumerable<ResponseEvent> Append(AIContent content) => content switch
    {
        TextReasoningContent reasoning => AppendText(reasoning.Text, "reasoning"),
        TextContent text => AppendText(text.Text, "message"),
        FunctionCallContent { Name: "", RawRepresentation: string written } => AppendText(written, "message"),
        FunctionCallContent call => AppendCall(call),
        UsageContent usage => Take(usage.Details),
        _ => [],
    };

    private List<ResponseEvent> AppendText(string text, string type)
    {
        List<ResponseEvent> events = [];
        if (text.Length == 0)
        {
            return events;
        }

        if (_open?.Type != type)
        {
            events.AddRange(Close());
            _open = type == "reasoning"
                ? new ResponseItem { Type = type, Id = RequestContext.NewId("rs_"), Summary = [] }
                : new ResponseItem
                {
                    Type = type, Id = RequestContext.NewId("msg_"), Status = "in_progress", Role = "assistant",
                    Content = [],
                };
            events.Add(Event("response.output_item.added") with { OutputIndex = _output.Count, Item = _open });
            if (type == "message")
            {
                events.Add(Event("response.content_part.added") with
                {
                    OutputIndex = _output.Count, ItemId = _open.Id, ContentIndex = 0,
                    Part = new ResponsePart(PartType(_open), ""),
                });
            }
        }

        _text.Append(text);
        events.Add(Event(type == "reasoning" ? "response.reasoning_text.delta" : "response.output_text.delta") with
        {
            OutputIndex = _output.Count, ItemId = _open!.Id, ContentIndex = 0, Delta = text,
            Logprobs = type == "reasoning" ? null : [.. _tokens.Skip(_toldTokens)],
        });
        _toldTokens = type == "reasoning" ? _toldTokens : _tokens.Count;
        return events;
    }

    private List<ResponseEvent> AppendCall(FunctionCallContent call)
    {
        List<ResponseEvent> events = [.. Close()];
        var (index, arguments) = (_output.Count, ChatCompletionWriter.Arguments(call));
        var begun = new ResponseItem
        {
            Type = "function_call", Id = RequestContext.NewId("fc_"), Status = "in_progress", CallId = call.CallId,
            Name = call.Name, Arguments = "",
        };
        var done = begun with { Status = "completed", Arguments = arguments };
        events.Add(Event("response.output_item.added") with { OutputIndex = index, Item = begun });
        events.Add(Event("response.function_call_arguments.delta") with
        {
            OutputIndex = index, ItemId = begun.Id, Delta = arguments,
        });
        events.Add(Event("response.function_call_arguments.done") with
        {
            OutputIndex = index, ItemId = begun.Id, Name = call.Name, Arguments = arguments,
        });
        events.Add(Event("response.output_item.done") with { OutputIndex = index, Item = done });
        _output.Add(done);
        return events;
    }

    private List<ResponseEvent> Take(UsageDetails usage)
    {
        _usage = usage;
        return [];
    }

    private string Status => _reason == ChatFinishReason.Length ? "incomplete" : "completed";

    private ResponseEvent Event(string type) => new(type, _events++);

    private static string PartType(ResponseItem item) => item.Type == "reasoning" ? "reasoning_text" : "output_text";

    private Response Build(string status) => new()
    {
        Id = _id,
        CreatedAt = _created,
        Status = status,
        IncompleteDetails = status == "incomplete" ? new IncompleteDetails("max_output_tokens") : null,
        Instructions = request.Instructions,
        MaxOutputTokens = request.MaxOutputTokens,
        Model = request.Model,
        Output = [.. _output],
        ParallelToolCalls = request.ParallelToolCalls ?? true,
        PreviousResponseId = request.PreviousResponseId,
        Reasoning = request.Reasoning ?? new(),
        Store = request.Store ?? true,
        Temperature = request.Temperature,
        Text = request.Text is { Format: not null } text ? text : new() { Format = new() { Type = "text" } },
        ToolChoice = request.ToolChoice.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null
            ? Auto : request.ToolChoice,
        Tools = request.Tools ?? [],
        TopP = request.TopP,
        Truncation = request.Truncation ?? "disabled",
        CompletedAt = status == "completed" ? now() : null,
        ServiceTier = request.ServiceTier is null ? null : "default",
        TopLogprobs = request.TopLogprobs,
        User = request.User,
        SafetyIdentifier = request.SafetyIdentifier,
        PromptCacheKey = request.PromptCacheKey,
        PromptCacheRetention = request.PromptCacheRetention,
        Metadata = request.Metadata ?? new Dictionary<string, string>(),
        Usage = _usage is { } usage
            ? new ResponseUsage(
                usage.InputTokenCount ?? 0, new(usage.CachedInputTokenCount ?? 0), usage.OutputTokenCount ?? 0,
                new(usage.ReasoningTokenCount ?? 0),
                usage.TotalTokenCount ?? ((usage.InputTokenCount ?? 0) + (usage.OutputTokenCount ?? 0)))
            : null,
    };
}
