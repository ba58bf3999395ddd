using System.Diagnostics;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Trace;
using Slipway.Telemetry;

namespace Slipway.Callers.Tests;

/// <summary>Puts Microsoft.Extensions.AI's middleware around the client.</summary>
public sealed class PipelineTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task FunctionInvocation_OfARequest_RunsTheFunctionAndTellsItsResult(bool streaming)
    {
        var home = new Home();
        var client = DeviceAssistant.Client.AsBuilder().UseFunctionInvocation().Build();
        var options = new ChatOptions { Tools = [home.SetLight], Temperature = 0 };

        var response = streaming
            ? await client.GetStreamingResponseAsync(Home.Request, options, Token).ToChatResponseAsync(Token)
            : await client.GetResponseAsync(Home.Request, options, Token);

        Assert.Equal(["kitchen True"], home.Switched);
        Assert.Equal("The light in the kitchen is on.", response.Messages[^1].Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(
            response.Usage!.InputTokenCount + response.Usage.OutputTokenCount, response.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task ChatReducer_OfALongConversation_KeepsItInTheContext()
    {
        List<ChatMessage> history = [.. Enumerable.Range(0, 400).SelectMany(i => new ChatMessage[]
        {
            new(ChatRole.User, $"Hello for the {i}. time!"), new(ChatRole.Assistant, "Hello! What can I do for you?"),
        })];
        history.Add(new(ChatRole.User, "Hello!"));
#pragma warning disable MEAI001 // Experimental; what is tested is that it works with the client.
        var client = DeviceAssistant.Client.AsBuilder().UseChatReducer(new MessageCountingChatReducer(8)).Build();
#pragma warning restore MEAI001

        var error = await Assert.ThrowsAsync<ContextLengthException>(
            () => DeviceAssistant.Client.GetResponseAsync(history, cancellationToken: Token));
        Assert.Matches("^The prompt has '[0-9]+' tokens; the context holds '1024'\\.", error.Message);
        var response = await client.GetResponseAsync(history, new() { MaxOutputTokens = 20 }, Token);

        Assert.NotEmpty(response.Text);
        Assert.InRange(response.Usage!.InputTokenCount!.Value, 20, 300);
    }

    [Fact]
    public async Task DistributedCache_OfTheSameRequest_AnswersWithoutTheModel()
    {
        var cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        var asked = 0;
        var client = DeviceAssistant.Client.AsBuilder()
            .UseDistributedCache(cache)
            .Use(async (messages, options, next, cancellationToken) =>
            {
                asked++;
                await next(messages, options, cancellationToken);
            })
            .Build();
        var options = new ChatOptions { Tools = [new Home().SetLight], ToolMode = ChatToolMode.RequireAny };

        var first = await client.GetResponseAsync(Home.Request, options, Token);
        var second = await client.GetResponseAsync(Home.Request, options, Token);

        Assert.Equal(1, asked);
        Assert.Equal(Call(first).Name, Call(second).Name);
        Assert.Equal(Call(first).CallId, Call(second).CallId);
        Assert.Equal(first.Usage!.TotalTokenCount, second.Usage!.TotalTokenCount);
    }

    [Fact]
    public async Task Logging_AtTrace_WritesRequestsWithToolsAndResponses()
    {
        var lines = new List<string>();
        using var factory = LoggerFactory.Create(builder => builder
            .SetMinimumLevel(LogLevel.Trace).AddProvider(new LineProvider(lines)));
        var client = DeviceAssistant.Client.AsBuilder().UseLogging(factory).Build();

        await client.GetResponseAsync(
            Home.Request, new() { Tools = [new Home().SetLight], ToolMode = ChatToolMode.RequireAny }, Token);

        Assert.Contains(lines, line => line.Contains("GetResponseAsync invoked", StringComparison.Ordinal));
        Assert.Contains(
            lines, line => line.Contains("completed", StringComparison.Ordinal)
                && line.Contains("set_light", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenTelemetry_AroundTheClient_FollowsTheConventionsOfGenerativeAi(bool streaming)
    {
        var source = $"callers-{Guid.NewGuid():N}";
        List<Activity> spans = [];
        using (Sdk.CreateTracerProviderBuilder()
            .AddSource(source, SlipwayTelemetry.ActivitySourceName).AddInMemoryExporter(spans).Build())
        {
            var client = DeviceAssistant.Client.AsBuilder().UseFunctionInvocation()
                .UseOpenTelemetry(sourceName: source).Build();
            var options = new ChatOptions { Tools = [new Home().SetLight], Temperature = 0, MaxOutputTokens = 50 };
            _ = streaming
                ? await client.GetStreamingResponseAsync(Home.Request, options, Token).ToChatResponseAsync(Token)
                : await client.GetResponseAsync(Home.Request, options, Token);
        }

        var chats = spans.Where(span => span.Source.Name == source && span.DisplayName == "chat int4").ToList();
        Assert.Equal(2, chats.Count);
        Assert.Equal(
            [["tool_calls"], ["stop"]],
            chats.Select(span => ((IEnumerable<string>)Reasons(span)).ToArray()));
        Assert.All(chats, span =>
        {
            Assert.Equal("chat", span.GetTagItem("gen_ai.operation.name"));
            Assert.Equal("onnx", span.GetTagItem("gen_ai.provider.name"));
            Assert.Equal("int4", span.GetTagItem("gen_ai.request.model"));
            Assert.Equal("int4", span.GetTagItem("gen_ai.response.model"));
            Assert.Equal(50, span.GetTagItem("gen_ai.request.max_tokens"));
            Assert.NotNull(span.GetTagItem("gen_ai.response.id"));
            Assert.True(Convert.ToInt32(span.GetTagItem("gen_ai.usage.input_tokens"), null) > 0);
            Assert.True(Convert.ToInt32(span.GetTagItem("gen_ai.usage.output_tokens"), null) > 0);

            // The engine's own span is a part of it, and no second span says the same.
            var engine = Assert.Single(spans, inner => inner.ParentSpanId == span.SpanId);
            Assert.Equal("text_completion int4", engine.DisplayName);
            Assert.Equal(span.TraceId, engine.TraceId);
        });
    }

    private static string[] Reasons(Activity span)
        => span.GetTagItem("gen_ai.response.finish_reasons") switch
        {
            string text => System.Text.Json.JsonSerializer.Deserialize<string[]>(text)!,
            IEnumerable<string> texts => [.. texts],
            var other => [$"{other}"],
        };

    private static FunctionCallContent Call(ChatResponse response)
        => response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().First();

    private sealed class LineProvider(List<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
            => lines.Add(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
