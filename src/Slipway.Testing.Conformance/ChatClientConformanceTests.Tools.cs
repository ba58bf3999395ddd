using System.Text.Json;

namespace Slipway.Testing.Conformance;

// Tool calls, structured output and reasoning.
public abstract partial class ChatClientConformanceTests
{
    private static readonly AIFunction SwitchLight = AIFunctionFactory.Create(
        (bool on) => on ? "lit" : "dark", "switch_light", "Switches the light.");

    private static readonly AIFunction OpenDoor = AIFunctionFactory.Create(
        (bool wide) => wide ? "wide open" : "ajar", "open_door", "Opens the door.");

    private static readonly string[] FunctionResults = ["lit", "dark", "wide open", "ajar"];

    /// <summary>A required call comes whole: an id, an offered name, arguments of the schema.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public virtual async Task RequiredTool_IsCalledWholly(bool streaming)
    {
        Require(ChatCapabilities.Tools);
        var options = WithTools(ChatToolMode.RequireAny);

        var response = streaming ? (await StreamAsync(options)).ToChatResponse() : await AskAsync(options);

        var calls = Calls(response);
        Assert.NotEmpty(calls);
        Assert.All(calls, call =>
        {
            Assert.False(string.IsNullOrEmpty(call.CallId), "A call has no id.");
            Assert.Null(call.Exception);
            var (name, value) = Assert.Single(call.Arguments!);
            Assert.Equal(call.Name == SwitchLight.Name ? "on" : "wide", name);
            Assert.Contains(((JsonElement)value!).ValueKind, new[] { JsonValueKind.True, JsonValueKind.False });
        });
        Assert.Equal(calls.Count, calls.Select(call => call.CallId).Distinct().Count());
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.DoesNotContain("switch_light", response.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("open_door", response.Text, StringComparison.Ordinal);
    }

    /// <summary>The function that is required is the one that is called.</summary>
    [Fact]
    public virtual async Task RequiredFunction_ByName_IsTheOneThatIsCalled()
    {
        Require(ChatCapabilities.Tools);
        foreach (var function in new[] { SwitchLight, OpenDoor })
        {
            var calls = Calls(await AskAsync(WithTools(ChatToolMode.RequireSpecific(function.Name))));
            Assert.Equal(function.Name, calls[0].Name);
        }
    }

    /// <summary>Tools that may not be called are not.</summary>
    [Fact]
    public virtual async Task ToolModeNone_CallsNothing()
    {
        Require(ChatCapabilities.Tools);
        var response = await AskAsync(WithTools(ChatToolMode.None));
        Assert.Empty(Calls(response));
        Assert.NotEqual(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    /// <summary>One call at most, where no more are wanted.</summary>
    [Fact]
    public virtual async Task AllowMultipleToolCalls_False_EndsAfterTheFirst()
    {
        Require(ChatCapabilities.Tools);
        var options = WithTools(ChatToolMode.RequireAny);
        options.AllowMultipleToolCalls = false;
        Assert.Single(Calls(await AskAsync(options)));
    }

    /// <summary>A call that the limit cuts off is kept, and is not taken for a whole one.</summary>
    [Fact]
    public virtual async Task Call_ThatTheLimitCutsOff_IsNoWholeCall()
    {
        Require(ChatCapabilities.Tools);
        var options = WithTools(ChatToolMode.RequireAny);
        options.MaxOutputTokens = 1;

        var response = await AskAsync(options);

        Assert.NotEmpty(response.Messages.SelectMany(message => message.Contents));
        Assert.All(Calls(response), call => Assert.NotNull(call.Exception));
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
    }

    /// <summary>Function invocation loops over the client: calls run, their results go back, a text ends it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public virtual async Task FunctionInvocation_AroundTheClient_RunsTheCalls(bool streaming)
    {
        Require(ChatCapabilities.Tools);
        var pipeline = new FunctionInvokingChatClient(Client); // disposed, it would dispose the client
        var options = WithTools(ChatToolMode.RequireAny);

        var response = streaming
            ? await pipeline.GetStreamingResponseAsync(Prompt, options, Cancellation).ToChatResponseAsync(Cancellation)
            : await pipeline.GetResponseAsync(Prompt, options, Cancellation);

        var results = response.Messages.SelectMany(message => message.Contents).OfType<FunctionResultContent>()
            .ToList();
        Assert.NotEmpty(results);
        Assert.Equal(Calls(response).Select(call => call.CallId), results.Select(result => result.CallId));
        Assert.All(results, result => Assert.Contains(
            result.Result?.ToString(), FunctionResults));
    }

    /// <summary>JSON is a document, or the limit ended it.</summary>
    [Fact]
    public virtual async Task Json_AskedFor_IsADocument()
    {
        Require(ChatCapabilities.StructuredOutput);
        var options = Greedy;
        options.ResponseFormat = ChatResponseFormat.Json;

        var response = await AskAsync(options);

        if (response.FinishReason != ChatFinishReason.Length)
        {
            using var document = JsonDocument.Parse(response.Text);
        }
        else
        {
            Assert.Equal(options.MaxOutputTokens, response.Usage?.OutputTokenCount);
        }
    }

    /// <summary>An answer of a type is one, alone and beside tools, or the limit ended it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public virtual async Task Answer_OfAType_IsOne(bool withTools)
    {
        Require(ChatCapabilities.StructuredOutput);
        var options = withTools ? WithTools() : Greedy;

        var response = await Client.GetResponseAsync<Switch>(Prompt, options, cancellationToken: Cancellation);

        Assert.True(
            Calls(response).Count > 0 || response.FinishReason == ChatFinishReason.Length
                || response.TryGetResult(out _),
            $"'{response.Text}' is no {nameof(Switch)}; it ended in '{response.FinishReason}'.");
    }

    /// <summary>Reasoning is content of its own, counted, and never text.</summary>
    [Fact]
    public virtual async Task Reasoning_OfTheModel_IsNoText()
    {
        Require(ChatCapabilities.Reasoning);
        var response = await AskAsync(Reasoned(ReasoningEffort.Low, ReasoningOutput.Full));
        var reasoning = string.Concat(Reasoning(response).Select(content => content.Text));
        Assert.NotEmpty(reasoning);
        Assert.DoesNotContain(reasoning, response.Text, StringComparison.Ordinal);
        Assert.InRange(response.Usage?.ReasoningTokenCount ?? 0, 1, response.Usage!.OutputTokenCount!.Value);
    }

    /// <summary>Reasoning that nobody wants to see is not shown.</summary>
    [Fact]
    public virtual async Task ReasoningOutput_None_ShowsNone()
    {
        Require(ChatCapabilities.Reasoning);
        Assert.Empty(Reasoning(await AskAsync(Reasoned(ReasoningEffort.Low, ReasoningOutput.None))));
    }

    /// <summary>No effort is no reasoning.</summary>
    [Fact]
    public virtual async Task ReasoningEffort_None_EndsIt()
    {
        Require(ChatCapabilities.Reasoning);
        var response = await AskAsync(Reasoned(ReasoningEffort.None, ReasoningOutput.Full));
        Assert.Empty(Reasoning(response));
        Assert.Equal(0, response.Usage?.ReasoningTokenCount ?? 0);
    }

    private ChatOptions WithTools(ChatToolMode? mode = null)
    {
        var options = Greedy;
        (options.Tools, options.ToolMode) = ([SwitchLight, OpenDoor], mode);
        return options;
    }

    private ChatOptions Reasoned(ReasoningEffort effort, ReasoningOutput output)
    {
        var options = Greedy;
        options.Reasoning = new() { Effort = effort, Output = output };
        return options;
    }

    private static List<FunctionCallContent> Calls(ChatResponse response)
        => [.. response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>()];

    private static List<TextReasoningContent> Reasoning(ChatResponse response)
        => [.. response.Messages.SelectMany(message => message.Contents).OfType<TextReasoningContent>()];

    private sealed record Switch(bool On, SwitchColor Color);

    private enum SwitchColor
    {
        Red,
        Green,
    }
}
