using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Microsoft.Playwright;
using Slipway.AspNetCore.Tests;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Writes, stops, retries, edits and reloads.</summary>
public sealed class ChatTests(Chromium chromium) : PageTests(chromium)
{
    [Fact]
    public async Task Answer_Streaming_IsShownAsItComes()
    {
        var script = Script.Holding("The first **part", "** and the second.");
        var page = await OpenAsync(script);

        await page.SayAsync("Tell me");

        await Expect(page.Answers).ToContainTextAsync("The first **part");
        await Expect(page.Answers).ToHaveAttributeAsync("aria-busy", "true");
        await Expect(page.Button("Stop")).ToBeVisibleAsync();
        await Expect(page.Button("Send")).ToBeHiddenAsync();
        await Expect(page.Prompt).ToBeEmptyAsync();
        await page.SayAsync("Not yet");
        await Expect(page.Page.Locator("#hint")).ToContainTextAsync("Esc stops it");
        await Expect(page.Prompt).ToHaveValueAsync("Not yet");
        await page.CheckAsync("streaming");

        script.Release.SetResult();
        await page.DoneAsync();
        await Expect(page.Answers.Locator("strong")).ToHaveTextAsync("part");
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync("The first part and the second.");
        await Expect(page.Page.Locator("#announcements")).ToHaveTextAsync(
            "The first **part** and the second. The answer is complete.");
        await Expect(page.Answers.Locator(".figures")).ToContainTextAsync(
            new Regex(@"9 tokens in \d+\.\d\d s.*[\d.,]+ tokens/s.*first after \d+\.\d\d s.*prompt 5"));
        Assert.Single(page.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stop_WhileStreaming_EndsTheRequestAndKeepsWhatCame(bool byKey)
    {
        var script = Script.Holding("Half of it", " and the rest");
        var page = await OpenAsync(script);
        await page.SayAsync("Tell me");
        await Expect(page.Answers).ToContainTextAsync("Half of it");

        await (byKey ? page.Page.Keyboard.PressAsync("Escape") : page.Button("Stop").ClickAsync());

        await script.Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        await page.DoneAsync();
        await Expect(page.Answers.Locator(".figures")).ToContainTextAsync("stopped");
        await Expect(page.Prompt).ToBeFocusedAsync();
        script.Release.SetResult();
        await page.Button("Retry the answer").ClickAsync();
        await page.DoneAsync();
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync("Half of it and the rest");
        Assert.Equal(page.Requests[0].ToJsonString(), page.Requests[1].ToJsonString());
    }

    [Fact]
    public async Task Retry_OfAnEarlierAnswer_DropsWhatFollows()
    {
        var page = await OpenAsync(Script.Saying("first", "second", "third"));
        await page.SayAsync("one");
        await page.DoneAsync();
        await page.SayAsync("two");
        await page.DoneAsync();

        await page.Button("Retry the answer").First.ClickAsync();
        await page.DoneAsync();

        await Expect(page.Answers).ToHaveCountAsync(1);
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync("third");
        Assert.Equal("""[{"role":"user","content":"one"}]""", page.Requests[2]["messages"]!.ToJsonString());
    }

    [Fact]
    public async Task Edit_OfAMessage_BranchesThere()
    {
        var page = await OpenAsync(Script.Saying("first", "second", "third"));
        await page.SayAsync("one");
        await page.DoneAsync();
        await page.SayAsync("two");
        await page.DoneAsync();
        Assert.Equal(
            """[{"role":"user","content":"one"},{"role":"assistant","content":"first"},{"role":"user","content":"two"}]""",
            page.Requests[1]["messages"]!.ToJsonString());

        await page.Button("Edit the message").First.ClickAsync();
        var field = page.Page.GetByLabel("New text of the message");
        await Expect(field).ToBeFocusedAsync();
        await Expect(page.Page.GetByText("What follows this message will be dropped.")).ToBeVisibleAsync();
        await page.CheckAsync("edit");
        await field.PressAsync("Escape");
        await Expect(page.Button("Edit the message").First).ToBeFocusedAsync();
        await page.Button("Edit the message").First.ClickAsync();
        await field.FillAsync("three");
        await field.PressAsync("Enter");
        await page.DoneAsync();

        await Expect(page.Questions).ToHaveCountAsync(1);
        await Expect(page.Questions.Locator(".bubble")).ToHaveTextAsync("three");
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync("third");
        Assert.Equal("""[{"role":"user","content":"three"}]""", page.Requests[2]["messages"]!.ToJsonString());
    }

    [Fact]
    public async Task Reload_KeepsTheConversation_UntilItIsCleared()
    {
        var script = Script.Holding("Half of it", "");
        var page = await OpenAsync(script);
        await page.SetAsync(("Seed", "7"), ("API key", "for-this-tab"));
        await page.SayAsync("Tell me");
        await Expect(page.Answers).ToContainTextAsync("Half of it");

        await page.Page.ReloadAsync();

        await Expect(page.Questions.Locator(".bubble")).ToHaveTextAsync("Tell me");
        await Expect(page.Answers).ToContainTextAsync("Half of it");
        await Expect(page.Answers.Locator(".figures")).ToContainTextAsync("stopped");
        await Expect(page.Page.Locator(".chip")).ToHaveTextAsync(["seed 7"]);
        Assert.Equal(0, await page.Page.EvaluateAsync<int>("localStorage.length"));
        Assert.Equal("for-this-tab", await page.Page.EvaluateAsync<string>("sessionStorage.getItem('slipway.key')"));

        await page.Button("New conversation").ClickAsync();
        await Expect(page.Questions).ToHaveCountAsync(0);
        await page.Button("Bring the last conversation back").ClickAsync();
        await Expect(page.Questions).ToHaveCountAsync(1);
        await page.Button("New conversation").ClickAsync();
        await page.Page.ReloadAsync();
        await Expect(page.Page.GetByRole(AriaRole.Heading, new() { Name = "Try a model" })).ToBeVisibleAsync();
        await Expect(page.Questions).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Reasoning_IsFoldedAndCounted()
    {
        var page = await OpenAsync(Script.Saying(
            [
                new TextReasoningContent("Let me count. "), new TextReasoningContent("There are three."),
                new TextContent("Three."),
                new UsageContent(new() { InputTokenCount = 1234, OutputTokenCount = 21, CachedInputTokenCount = 1000 }),
            ]));

        await page.SayAsync("How many?");
        await page.DoneAsync();

        await Expect(page.Page.GetByText("There are three.")).ToBeHiddenAsync();
        await page.Page.GetByText("Thoughts").ClickAsync();
        await Expect(page.Page.GetByText("Let me count. There are three.")).ToBeVisibleAsync();
        await Expect(page.Answers.Locator(".figures")).ToContainTextAsync("21 tokens in ");
        await Expect(page.Answers.Locator(".figures")).ToContainTextAsync("prompt 1,234, 1,000 cached");
        await page.CheckAsync("reasoning");
        await page.SayAsync("Sure?");
        await page.DoneAsync();
        Assert.Equal(
            """{"role":"assistant","content":"Three."}""", page.Requests[1]["messages"]![1]!.ToJsonString());
    }

    [Fact]
    public async Task Calls_Several_AreAnsweredTogether()
    {
        static FunctionCallContent Call(string id, string city)
            => new(id, "weather", new Dictionary<string, object?> { ["city"] = city });
        var page = await OpenAsync(Script.Saying(
            [new TextReasoningContent("Both."), Call("call-1", "Oslo"), Call("call-2", "Rome")],
            [new TextContent("Snow and sun.")]));
        await page.SetAsync(("Functions as JSON", """[{"name": "weather"}]"""));
        await page.SayAsync("Weather?");

        var results = page.Page.GetByLabel("Result of weather");
        await Expect(results).ToHaveCountAsync(2);
        await results.First.FillAsync("snow");
        await results.Last.FillAsync("sun");
        await page.Button("Send results").ClickAsync();
        await Expect(page.Answers).ToHaveCountAsync(2);
        await page.DoneAsync();

        await Expect(page.Answers.Last).ToContainTextAsync("Snow and sun.");
        Assert.Equal(
            JsonNode.Parse("""
            [{"role":"user","content":"Weather?"},
            {"role":"assistant","content":"","reasoning_content":"Both.","tool_calls":[
            {"id":"call-1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}},
            {"id":"call-2","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}}]},
            {"role":"tool","tool_call_id":"call-1","content":"snow"},
            {"role":"tool","tool_call_id":"call-2","content":"sun"}]
            """)!.ToJsonString(),
            page.Requests[1]["messages"]!.ToJsonString());
    }

    [Fact]
    public async Task Model_Picked_IsAskedAndKept()
    {
        var page = await OpenAsync(TestServer.StartAsync(models => models
            .AddChatClient("first", _ => FakeChatClient.Saying(new TextContent("I am the first.")))
            .AddChatClient("second", _ => FakeChatClient.Saying(new TextContent("I am the second.")))));
        var model = page.Page.GetByLabel("Model", new() { Exact = true });
        await Expect(model.Locator("option")).ToHaveTextAsync(["first", "second"]);

        await model.SelectOptionAsync("second");
        await page.Page.ReloadAsync();
        await Expect(model).ToHaveValueAsync("second");
        await page.SayAsync("Who are you?");
        await page.DoneAsync();

        await Expect(page.Answers).ToContainTextAsync("I am the second.");
        await Expect(page.Answers.Locator(".figures")).ToContainTextAsync("second");
    }

    [Fact]
    public async Task Models_ThatDoNotChat_AreNotOffered()
    {
        var page = await OpenAsync(TestServer.StartAsync(models => models
            .AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings())
            .AddChatClient("talker", _ => FakeChatClient.Saying(new TextContent("Yes.")))));
        var model = page.Page.GetByLabel("Model", new() { Exact = true });
        await Expect(model.Locator("option")).ToHaveTextAsync(["talker"]);
        await page.SayAsync("Are you there?");
        await page.DoneAsync();
        await Expect(page.Answers).ToContainTextAsync("Yes.");
    }

    [Fact]
    public async Task Copy_GivesTheTextAsTheModelWroteIt()
    {
        const string text = "Look:\n\n```csharp\nvar a = 1;\n```";
        var page = await OpenAsync(Script.Saying(text));
        await page.SayAsync("Code, please");
        await page.DoneAsync();

        await page.Button("Copy the answer").ClickAsync();
        await Expect(page.Button("Copy the answer")).ToHaveTextAsync("Copied");
        Assert.Equal(text, await page.Page.EvaluateAsync<string>("navigator.clipboard.readText()"));
        await page.Button("Copy the csharp").ClickAsync();
        await Expect(page.Button("Copy the csharp")).ToHaveTextAsync("Copied");
        Assert.Equal("var a = 1;", await page.Page.EvaluateAsync<string>("navigator.clipboard.readText()"));
    }
}
