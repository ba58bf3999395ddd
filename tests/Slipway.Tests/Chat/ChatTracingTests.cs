using System.Diagnostics;
using Microsoft.Extensions.AI;
using Slipway.Telemetry;
using Slipway.Testing;

namespace Slipway.Tests.Chat;

/// <summary>Listens to the spans of chat clients of this library.</summary>
public sealed class ChatTracingTests : IDisposable
{
    private readonly List<Activity> _spans = [];
    private readonly ActivityListener _listener;
    private readonly string _model = $"traced-{Guid.NewGuid():N}";

    public ChatTracingTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is SlipwayTelemetry.ActivitySourceName || source.Name == _model,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                lock (_spans)
                {
                    _spans.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_OfAPackage_HasASpanWithTheEnginesInside(bool streaming)
    {
        await using var client = NewClient();
        var options = new ChatOptions { Temperature = 0.5f, Seed = 7, MaxOutputTokens = 5, TopK = 3 };

        var response = streaming
            ? await client.GetStreamingResponseAsync("A secret", options, Token).ToChatResponseAsync(Token)
            : await client.GetResponseAsync("A secret", options, Token);

        var chat = Assert.Single(Spans(), span => span.DisplayName == $"chat {_model}");
        Assert.Equal("chat", chat.GetTagItem("gen_ai.operation.name"));
        Assert.Equal("onnx", chat.GetTagItem("gen_ai.provider.name"));
        Assert.Equal(_model, chat.GetTagItem("gen_ai.request.model"));
        Assert.Equal(0.5f, chat.GetTagItem("gen_ai.request.temperature"));
        Assert.Equal(7L, chat.GetTagItem("gen_ai.request.seed"));
        Assert.Equal(5, chat.GetTagItem("gen_ai.request.max_tokens"));
        Assert.Equal(3, chat.GetTagItem("gen_ai.request.top_k"));
        Assert.Equal(response.ResponseId, chat.GetTagItem("gen_ai.response.id"));
        Assert.Equal(["length"], (string[])chat.GetTagItem("gen_ai.response.finish_reasons")!);
        Assert.Equal(response.Usage!.InputTokenCount, chat.GetTagItem("gen_ai.usage.input_tokens"));
        Assert.Equal(5L, chat.GetTagItem("gen_ai.usage.output_tokens"));
        Assert.Equal(ActivityStatusCode.Unset, chat.Status);

        var engine = Assert.Single(Spans(), span => span.ParentSpanId == chat.SpanId);
        Assert.Equal("text_completion llama-int4", engine.DisplayName);
        Assert.Equal(5, engine.GetTagItem("gen_ai.usage.output_tokens"));
        Assert.DoesNotContain(
            Spans().SelectMany(span => span.TagObjects),
            tag => tag.Value?.ToString()?.Contains("secret", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Request_OfATracedPipeline_HasOneSpanOfIt()
    {
        await using var inner = NewClient();
        var client = inner.AsBuilder().UseOpenTelemetry(sourceName: _model).Build();

        await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 1 }, Token);

        var chat = Assert.Single(Spans(), span => span.DisplayName == $"chat {_model}");
        Assert.Equal(_model, chat.Source.Name);
        Assert.Single(Spans(), span => span.ParentSpanId == chat.SpanId);
    }

    [Fact]
    public async Task Request_ThatFails_TellsTheErrorsType()
    {
        await using var client = NewClient();

        await Assert.ThrowsAsync<ContextLengthException>(
            () => client.GetResponseAsync(new string('x', 4000), cancellationToken: Token));

        var chat = Assert.Single(Spans(), span => span.DisplayName == $"chat {_model}");
        Assert.Equal(ActivityStatusCode.Error, chat.Status);
        Assert.Equal("Slipway.ContextLengthException", chat.GetTagItem("error.type"));
    }

    public void Dispose() => _listener.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private OnnxChatClient NewClient() => new(new OnnxChatClientOptions
    {
        PackagePath = SharedAssets.Path("genai-packages", "llama-int4"), ModelId = _model,
    });

    private List<Activity> Spans()
    {
        lock (_spans)
        {
            return [.. _spans];
        }
    }
}
