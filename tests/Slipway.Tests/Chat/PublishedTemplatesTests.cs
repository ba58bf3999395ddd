using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Chat;

namespace Slipway.Tests.Chat;

/// <summary>Finds the formats of published models from their templates, and reads what the models write.</summary>
public sealed class PublishedTemplatesTests(ITestOutputHelper output)
{
    [Fact]
    public void Formats_OfTemplatesThatNameTools_AreFound()
    {
        var found = 0;
        var named = PublishedTemplates.All.Where(row => row.NamesTools).ToList();
        foreach (var (name, _, _) in named)
        {
            var traits = PublishedTemplates.Traits(name, Vocabulary(name));
            found += traits.Calls is null ? 0 : 1;
            output.WriteLine(
                $"{name} | {traits.Calls?.Name ?? "-"} | {traits.Reasoning?.Name ?? "-"} | {traits.Tools?.Name ?? "-"}"
                + $"{(traits.RendersCalls ? "" : " | described")}{(traits.TakesArgumentsAsText ? " | text" : "")}"
                + $"{(traits.RendersSystem ? "" : " | no system")}{(traits.RendersResults ? "" : " | no results")}");
        }

        output.WriteLine($"{found} of {named.Count}");
        Assert.True(found >= 50);
    }

    [Fact]
    public void Answers_OfEveryFamily_AreRead()
    {
        var wrong = new List<string>();
        var tool = Offers.Tool("get_weather", PublishedTemplates.Weather.GetRawText());
        foreach (var row in PublishedTemplates.Cases)
        {
            var text = row.GetProperty("text").GetString()!;
            var expected = Expected(row);
            var templates = row.GetProperty("templates").EnumerateArray().Select(name => name.GetString()!).ToList();
            var traits = templates.Count > 0
                ? templates.Select(name => PublishedTemplates.Traits(name, Vocabulary(name)))
                : [new TemplateTraits
                {
                    Calls = ToolCallFormats.All.First(format => text.Contains(format.Open, StringComparison.Ordinal)),
                }];
            foreach (var trait in traits)
            {
                var startsInReasoning = row.TryGetProperty("note", out var note)
                    && note.GetString()!.Contains("ends in <think>", StringComparison.Ordinal);
                var written = trait.Calls is FunctionaryToolCalls ? trait.Calls.Open + text : text;
                foreach (var pieces in new[] { [written], written.Select(c => c.ToString()).ToArray() })
                {
                    var actual = Answers.Describe(Answers.Parse(
                        pieces, trait.Calls, trait.Reasoning, startsInReasoning, [tool]));
                    if (actual != expected)
                    {
                        wrong.Add(
                            $"{row.GetProperty("format")}: {trait.Calls?.Name} read '{actual}', not '{expected}'");
                    }
                }
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void EmptyContent_BesideCalls_HasTheFormThatTheTemplateTakes()
    {
        var forms = PublishedTemplates.All.ToLookup(
            row => PublishedTemplates.Traits(row.Name, Vocabulary(row.Name)).EmptyContent, row => row.Name);

        Assert.Equal(["command-a-reasoning"], forms[EmptyContent.Part]);
        foreach (var form in forms)
        {
            output.WriteLine($"{form.Key}: {string.Join(", ", form)}");
        }
    }

    private static string Expected(JsonElement row)
    {
        List<AIContent> contents = [];
        if (row.GetProperty("reasoning").GetString() is { Length: > 0 } reasoning)
        {
            contents.Add(new TextReasoningContent(reasoning));
        }

        if (row.GetProperty("content").GetString() is { Length: > 0 } text)
        {
            contents.Add(new TextContent(text));
        }

        contents.AddRange(row.GetProperty("calls").EnumerateArray().Select(call => new FunctionCallContent(
            "id", call.GetProperty("name").GetString()!,
            call.GetProperty("arguments").EnumerateObject().ToDictionary(
                argument => argument.Name, argument => (object?)argument.Value))));
        return Answers.Describe(contents);
    }

    // Tokens of the vocabulary, where the template itself does not name them.
    private static string[] Vocabulary(string name) => name switch
    {
        "LFM2-8B-A1B" or "LFM2.5-Instruct" => ["<|tool_call_start|>", "<|tool_call_end|>"],
        "phi4mini-official" => ["<|tool_call|>", "<|/tool_call|>"],
        _ => [],
    };
}
