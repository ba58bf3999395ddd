using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Tests.Chat;

/// <summary>Chats with a real small model that was taught neither tools nor structure.</summary>
public sealed class SmolLm2ChatTests(SmolLm2ChatTests.Package package, ITestOutputHelper output)
    : IClassFixture<SmolLm2ChatTests.Package>
{
    [Theory]
    [InlineData("What is the weather in Paris?")]
    [InlineData("Please tell me whether I need an umbrella in Oslo for the next 3 days.")]
    public async Task RequiredTool_OfATemplateWithoutTools_IsCalledWithValidArguments(string question)
    {
        using var client = new OnnxChatClient(package.Path);
        var weather = AIFunctionFactory.Create(
            (string city, int? days) => $"{city} {days}", "get_weather", "Weather of a city.");
        var clock = AIFunctionFactory.Create(() => "12:00", "get_time", "The time of day.");

        var response = await client.GetResponseAsync(
            question,
            new()
            {
                Tools = [weather, clock], ToolMode = ChatToolMode.RequireSpecific("get_weather"), MaxOutputTokens = 100,
                AllowMultipleToolCalls = false,
            },
            TestContext.Current.CancellationToken);

        var call = Assert.Single(
            response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>());
        output.WriteLine($"{call.Name}({JsonSerializer.Serialize(call.Arguments)})");
        Assert.Null(call.Exception);
        Assert.Equal("get_weather", call.Name);
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.NotNull(await weather.InvokeAsync(new(call.Arguments), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Loop_OverARequiredTool_RunsItAndGoesOn()
    {
        using var client = new OnnxChatClient(package.Path).AsBuilder().UseFunctionInvocation(
            configure: loop => loop.MaximumIterationsPerRequest = 2).Build();
        var calls = 0;
        var weather = AIFunctionFactory.Create(
            (string city) => $"Sunny, {++calls}", "get_weather", "Weather of a city.");

        var response = await client.GetResponseAsync(
            "What is the weather in Paris?",
            new()
            {
                Tools = [weather], ToolMode = ChatToolMode.RequireAny, MaxOutputTokens = 60,
                AllowMultipleToolCalls = false,
            },
            TestContext.Current.CancellationToken);

        output.WriteLine(response.Text);
        Assert.InRange(calls, 1, 2);
        Assert.Contains(response.Messages, message => message.Role == ChatRole.Tool);
    }

    [Theory]
    [InlineData("Anna is a nurse of 34 years who lives in Graz.")]
    [InlineData("Bob, 51, sells bicycles.")]
    public async Task TypedResponse_OfAModelThatWasNotTaught_Ends(string text)
    {
        using var client = new OnnxChatClient(package.Path);

        var response = await client.GetResponseAsync<Person>(
            $"Who is described? {text}", new ChatOptions { MaxOutputTokens = 300 },
            cancellationToken: TestContext.Current.CancellationToken);

        output.WriteLine(response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.True(response.TryGetResult(out _));
    }

    public sealed record Person(string Name, int Age, string? City);

    /// <summary>The model as an int4 package, exported once.</summary>
    public sealed class Package : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Package()
        {
            using var checkpoint = Checkpoint.Open(
                System.IO.Path.Combine(SharedAssets.Path("smollm2-135m-instruct"), "SmolLM2-135M-Instruct.Q4_1.gguf"));
            Exporter.Export(checkpoint, Path, new ExportOptions { Precision = Precision.Int4 });
        }

        public string Path => _folder["int4"];

        public void Dispose() => _folder.Dispose();
    }
}
