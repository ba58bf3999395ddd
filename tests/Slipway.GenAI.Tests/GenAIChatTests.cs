using Microsoft.Extensions.AI;
using Slipway.Testing;
using Slipway.Testing.Conformance;

namespace Slipway.GenAI.Tests;

/// <summary>Chats over ONNX Runtime GenAI as over this library's own engine.</summary>
public sealed class GenAIChatTests
{
    private static readonly AITool[] Tools =
    [
        AIFunctionFactory.Create((string room, bool on) => "done", "set_light", "Turns the light of a room on or off."),
        AIFunctionFactory.Create((string room) => 20.5, "get_temperature", "Tells the temperature of a room."),
    ];

    [Theory]
    [InlineData("Turn on the light in the kitchen.")]
    [InlineData("How warm is it in the bedroom?")]
    [InlineData("Hello!")]
    public async Task Answer_WithTools_IsTheOneOfThisLibrarysEngine(string message)
    {
        using var own = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = Packages.DeviceAssistant, Model = new() { UseKernels = false },
        });
        var expected = await own.GetResponseAsync(message, new() { Tools = Tools });
        var actual = await GenAIChat.Client.GetResponseAsync(message, new() { Tools = Tools });

        Assert.Equal(Describe(expected), Describe(actual));
        Assert.Equal(expected.FinishReason, actual.FinishReason);
        Assert.Equal(expected.Usage!.OutputTokenCount, actual.Usage!.OutputTokenCount);
    }

    /// <summary>Folders of GenAI's official builder and of others have no manifest of this library's.</summary>
    [Fact]
    public async Task Folder_OfGenAIsFilesAlone_AnswersAndCallsToolsAsThePackage()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[]
        {
            "genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json", "tokenizer_config.json",
            "chat_template.jinja",
        })
        {
            File.Copy(Path.Combine(Packages.DeviceAssistant, name), folder[name]);
        }

        using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = folder.Path, Model = new() { Engine = new GenAIEngine() },
        });
        var expected = await GenAIChat.Client.GetResponseAsync(
            "Turn on the light in the kitchen.", new() { Tools = Tools });
        var actual = await client.GetResponseAsync("Turn on the light in the kitchen.", new() { Tools = Tools });

        Assert.Contains(Describe(actual), part => part.Contains("set_light", StringComparison.Ordinal));
        Assert.Equal(Describe(expected), Describe(actual));
    }

    [Fact]
    public async Task Loop_OfTools_CallsThemAndAnswers()
    {
        List<string> rooms = [];
        var tool = AIFunctionFactory.Create(
            (string room) =>
            {
                rooms.Add(room);
                return 20.5;
            },
            "get_temperature", "Tells the temperature of a room.");

        // Disposing it would dispose the client that others use.
        var client = GenAIChat.Client.AsBuilder().UseFunctionInvocation().Build();
        var response = await client.GetResponseAsync(
            "What's the temperature in the kitchen?", new() { Tools = [tool] });

        Assert.Single(rooms);
        Assert.Contains("20.5", response.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_OfAnAnswer_ComesInPartsThatAreTheWhole()
    {
        List<string> parts = [];
        await foreach (var update in GenAIChat.Client.GetStreamingResponseAsync("Hello!"))
        {
            if (update.Text.Length > 0)
            {
                parts.Add(update.Text);
            }
        }

        Assert.True(parts.Count > 3, $"{parts.Count} parts");
        Assert.Equal((await GenAIChat.Client.GetResponseAsync("Hello!")).Text, string.Concat(parts));
    }

    private static string[] Describe(ChatResponse response)
        =>
        [
            .. response.Messages.SelectMany(message => message.Contents).Select(content => content switch
            {
                FunctionCallContent call => $"{call.Name}({string.Join(", ", call.Arguments!)})",
                TextContent text => text.Text,
                _ => content.GetType().Name,
            }),
        ];
}

/// <summary>Runs the client over ONNX Runtime GenAI through the contract of its callers.</summary>
public sealed class GenAIConformanceTests : ChatClientConformanceTests
{
    protected override IChatClient Client => GenAIChat.Client;

    protected override string? OverlongPrompt => string.Join(' ', Enumerable.Repeat("light", 2_000));
}

/// <summary>Shares a client between tests.</summary>
internal static class GenAIChat
{
    private static readonly Lazy<OnnxChatClient> Shared = new(() => new(new OnnxChatClientOptions
    {
        PackagePath = Packages.DeviceAssistant, Model = new() { Engine = new GenAIEngine() },
    }));

    /// <summary>The client; never disposed.</summary>
    public static OnnxChatClient Client => Shared.Value;
}
