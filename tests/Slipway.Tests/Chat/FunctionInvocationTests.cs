using Microsoft.Extensions.AI;

namespace Slipway.Tests.Chat;

public sealed class FunctionInvocationTests
{
    private const string Call =
        "<tool_call>{\"name\": \"set_light\", \"arguments\": {\"room\": \"hall\", \"on\": true}}</tool_call>";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Calls_UnderFunctionInvokingChatClient_RunAndTheirResultsGoBack(bool streaming)
    {
        var ran = new List<string>();
        using var model = new ScriptedModel(
            ScriptedModel.Characters("One moment. " + Call + Call),
            ScriptedModel.Characters("The hall is lit."));
        using var client = model.ToClient().AsBuilder().UseFunctionInvocation().Build();
        var options = Options(ran);

        var response = streaming
            ? await client.GetStreamingResponseAsync("Light the hall.", options).ToChatResponseAsync()
            : await client.GetResponseAsync("Light the hall.", options);

        Assert.Equal(["hall True", "hall True"], ran);
        Assert.Equal("The hall is lit.", response.Messages[^1].Text);
        Assert.Equal(
            ["user", "assistant", "tool", "tool"],
            model.Variables[1]["messages"]!.AsArray().Select(message => (string)message!["role"]!));
        Assert.Equal("lit", (string?)model.Variables[1]["messages"]![2]!["content"]);
        Assert.Equal("set_light", (string?)model.Variables[1]["messages"]![2]!["name"]);
        Assert.Equal(
            model.Requests.Sum(request => request.PromptIds.Count),
            response.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task MalformedCall_UnderFunctionInvokingChatClient_IsAnsweredWithAnErrorAndTriedAgain()
    {
        var ran = new List<string>();
        using var model = new ScriptedModel(
            ScriptedModel.Characters(
                "<tool_call>{\"name\": \"set_light\", \"arguments\": {\"room\": hall}}</tool_call>"),
            ScriptedModel.Characters(Call),
            ScriptedModel.Characters("Done."));
        using var client = model.ToClient().AsBuilder().UseFunctionInvocation().Build();

        var response = await client.GetResponseAsync("Light the hall.", Options(ran));

        Assert.Equal(["hall True"], ran);
        Assert.Equal("Done.", response.Messages[^1].Text);
        Assert.Equal("Error: Function failed.", (string?)model.Variables[1]["messages"]![2]!["content"]);
    }

    [Fact]
    public async Task UnknownFunction_UnderFunctionInvokingChatClient_IsAnsweredWithAnError()
    {
        using var model = new ScriptedModel(
            ScriptedModel.Characters("<tool_call>{\"name\": \"fly\", \"arguments\": {}}</tool_call>"),
            ScriptedModel.Characters("I cannot fly."));
        using var client = model.ToClient().AsBuilder().UseFunctionInvocation().Build();

        var response = await client.GetResponseAsync("Fly.", Options([]));

        Assert.Equal("I cannot fly.", response.Messages[^1].Text);
        Assert.Contains("fly", (string?)model.Variables[1]["messages"]![2]!["content"]);
    }

    private static ChatOptions Options(List<string> ran) => new()
    {
        Tools =
        [
            AIFunctionFactory.Create(
                (string room, bool on) =>
                {
                    ran.Add($"{room} {on}");
                    return "lit";
                },
                "set_light"),
        ],
    };
}
