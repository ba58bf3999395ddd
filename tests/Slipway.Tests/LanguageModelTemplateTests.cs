using System.Text.Json.Nodes;
using Slipway.Chat;
using Slipway.Testing;

namespace Slipway.Tests;

public sealed class LanguageModelTemplateTests
{
    private static JsonObject Conversation => new()
    {
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "hello" }),
    };

    [Fact]
    public void ChatTemplate_FileOfThePackage_WinsOverTheConfiguration()
    {
        using var folder = Copy("a {{ messages[0].content }}", "\"b\"");
        using var model = LanguageModel.Load(folder.Path);
        Assert.Equal("a hello", model.ChatTemplate!.Render(Conversation));
    }

    [Theory]
    [InlineData("\"b {{ messages[0].content }}\"")]
    [InlineData("""[{"name": "tool_use", "template": "t"}, {"name": "default", "template": "b {{ messages[0].content }}"}]""")]
    public void ChatTemplate_OnlyInTheConfiguration_IsTheDefaultOne(string json)
    {
        using var folder = Copy(null, json);
        using var model = LanguageModel.Load(folder.Path);
        Assert.Equal("b hello", model.ChatTemplate!.Render(Conversation));
    }

    [Fact]
    public void ChatTemplate_NoneInThePackage_IsNull()
    {
        using var folder = Copy(null, "null");
        using var model = LanguageModel.Load(folder.Path);
        Assert.Null(model.ChatTemplate);
    }

    [Fact]
    public void Render_OfAChat_HasTheTimeAndTheZoneThatItIsGiven()
    {
        using var folder = Copy("{{ strftime_now('%H:%M %Z') }}", "null");
        using LanguageModelChat model = new(LanguageModel.Load(folder.Path), ChatFormatOptions.None);
        Assert.Equal("12:30 XST", model.Render(Conversation, false, new ZoneTime(), CancellationToken.None));
    }

    [Fact]
    public void Render_OfAChat_EndsWhenItIsCancelled()
    {
        using var folder = Copy("{% for i in range(100000) %}{{ i }}{% endfor %}", "null");
        using LanguageModelChat model = new(LanguageModel.Load(folder.Path), ChatFormatOptions.None);
        Assert.ThrowsAny<OperationCanceledException>(
            () => model.Render(Conversation, false, TimeProvider.System, new CancellationToken(canceled: true)));
    }

    private sealed class ZoneTime : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone { get; }
            = TimeZoneInfo.CreateCustomTimeZone("XST", TimeSpan.FromHours(2.5), "XST", "XST");

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 10, 0, 0, TimeSpan.Zero);
    }

    private static TemporaryFolder Copy(string? file, string json)
    {
        var source = PackageCases.Folder("llama-int4");
        var folder = new TemporaryFolder();
        foreach (var path in Directory.GetFiles(source)
            .Where(path => !path.Contains("chat_template", StringComparison.Ordinal)))
        {
            File.WriteAllBytes(Path.Combine(folder.Path, Path.GetFileName(path)), File.ReadAllBytes(path));
        }

        if (file is not null)
        {
            File.WriteAllText(Path.Combine(folder.Path, "chat_template.jinja"), file);
        }

        File.WriteAllText(
            Path.Combine(folder.Path, "tokenizer_config.json"), $$"""{"chat_template": {{json}}}""");
        return folder;
    }
}
