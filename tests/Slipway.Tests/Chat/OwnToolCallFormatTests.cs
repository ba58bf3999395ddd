using Microsoft.Extensions.AI;
using Slipway.Testing;

namespace Slipway.Tests.Chat;

/// <summary>Gives a client a format of the caller's own, and names one in a package.</summary>
public sealed class OwnToolCallFormatTests
{
    [Theory]
    [InlineData("{% if tools %}CALL: {{ tools[0].function.name }}{% endif %}{{ messages[0].content }}", null)]
    [InlineData("{{ tools[0].function.name }}{{ messages[0].content }}", "own")]
    public async Task Format_OfTheCaller_IsForcedAndRead(string template, string? name)
    {
        using var folder = Package(template);
        using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = folder.Path, ToolCallFormat = name, ToolCallFormats = { new OwnFormat() },
        });

        var response = await client.GetResponseAsync(
            "Hi",
            new() { Tools = [AIFunctionFactory.Create(() => "x", "f")], ToolMode = ChatToolMode.RequireAny });

        var call = Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]);
        Assert.Equal("f", call.Name);
        Assert.Null(call.Exception);
    }

    [Fact]
    public async Task Format_ThatIsNotKnown_IsRefusedByName()
    {
        using var folder = Package("{{ messages[0].content }}");
        using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = folder.Path, ToolCallFormat = "none",
        });

        var e = await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("Hi"));
        Assert.StartsWith("The tool-call format 'none' is not known; expected one of 'function-tag', ", e.Message);
    }

    [Fact]
    public async Task Template_OfTheOptions_WinsOverThePackages()
    {
        using var folder = Package("{{ raise_exception('no') }}");
        using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = folder.Path, ChatTemplate = "{{ messages[0].content }}",
        });

        Assert.Equal(
            1, (await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 1 })).Usage!.OutputTokenCount);
    }

    private static TemporaryFolder Package(string template)
    {
        var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(SharedAssets.Path("genai-packages", "llama-int4")))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
        }

        File.WriteAllText(folder["chat_template.jinja"], template);
        return folder;
    }

    private sealed class OwnFormat : ToolCallFormat
    {
        public override string Name => "own";

        public override string Open => "CALL: ";

        public override string Close => "}";

        public override bool IsJson => false;

        public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
            => [new(body.Trim(), new Dictionary<string, object?>())];

        public override bool IsIn(string text) => text.Contains(Open, StringComparison.Ordinal);

        public override string Write(IReadOnlyList<ToolCall> calls)
            => string.Concat(calls.Select(call => $"{Open}{call.Name}{Close}"));

        public override string Prefix(string? function) => Open + function;

        public override GuidanceGrammar Grammar(IReadOnlyList<AIFunctionDeclaration> functions, bool several)
            => GuidanceGrammar.Choice([.. functions.Select(function => function.Name + Close)]);
    }
}
