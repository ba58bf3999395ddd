using System.Text;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Guidance;
using Slipway.Testing;

namespace Slipway.Tests.Chat;

public sealed class ReasoningTests
{
    // format, an answer of it
    public static TheoryData<string, string> Rows => new()
    {
        { "think", "<think>a</think>b" },
        { "thinking", "<thinking>a</thinking>b" },
        { "think-brackets", "[THINK]a[/THINK]b" },
        { "seed-think", "<seed:think>a</seed:think>b" },
        { "granite", "<think>a</think>\n<response>b</response>" },
        { "cohere", "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>" },
        { "gemma-4", "<|channel>thought\na<channel|>b" },
        { "apertus", "<|inner_prefix|>a<|inner_suffix|>b" },
        { "apriel", "Here are my reasoning steps:\na\n[BEGIN FINAL RESPONSE]\nb\n[END FINAL RESPONSE]" },
        { "harmony", "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>" },
    };

    [Fact]
    public void Formats_All_HaveARow()
        => Assert.Equal(
            ReasoningFormats.All.Select(format => format.Name).Order(), Rows.Select(row => row.Data.Item1).Order());

    [Theory]
    [MemberData(nameof(Rows))]
    public void Answer_OfEveryFormat_IsSplitWhereverItIsCut(string name, string answer)
    {
        var format = ReasoningFormats.All.Single(row => row.Name == name);

        Assert.Equal("reasoning(a) text(b)", Answers.Describe(Answers.Parse([answer], null, format)));
        Assert.Equal(
            "reasoning(a) text(b)",
            Answers.Describe(Answers.Parse(answer.Select(c => c.ToString()), null, format)));
        Assert.Equal(
            "reasoning(a) text(b)",
            Answers.Describe(Answers.Parse(
                [$"{format.Open}a{format.EndingText}b"], null, format)));
    }

    [Theory]
    [InlineData("<think>a</think>b", "reasoning(a) text(b)")]
    [InlineData("So <think>a</think>b", "text(So <think>a</think>b)")]
    public void Answer_OfAModelWithoutAFormat_IsSplitAtItsStart(string answer, string expected)
        => Assert.Equal(expected, Answers.Describe(Answers.Parse(answer.Select(c => c.ToString()), null)));

    [Theory]
    [InlineData("abcdefghijklmnopqrstuvw", true, 3, "abc</think>!")]
    [InlineData("abcdefghijklmnopqrstuvw", true, 0, "</think>!")]
    [InlineData("x<think>abcdefghijklmnopq", false, 2, "x<think>ab</think>!")]
    [InlineData("x<think>abcdefghijklmnopq", false, 0, "x<think></think>!")]
    [InlineData("x<think>a</think>y<think>bcdefgh", false, 12, "x<think>a</think>y<think>bcd</think>!")]
    public void Budget_ThatIsSpent_ForcesTheEnd(string wish, bool startsInReasoning, int budget, string expected)
    {
        var format = new ReasoningFormat("think", "<think>", "</think>") { Ending = "</think>!" };
        TokenTable tokens = new(Enumerable.Range(0, 128).Select(id => new[] { (byte)id }));
        var processor = new ReasoningBudget(
            tokens, format, [.. format.EndingText.Select(c => (int)c)], startsInReasoning, budget);
        List<int> output = [];
        for (var i = 0; i < expected.Length; i++)
        {
            var logits = new float[128];
            logits[wish[Math.Min(output.Count, wish.Length - 1)]] = 1;
            processor.Process([], output.ToArray(), logits);
            output.Add(Array.IndexOf(logits, logits.Max()));
        }

        Assert.Equal(expected, Encoding.ASCII.GetString([.. output.Select(id => (byte)id)]));
    }

    [Theory]
    [InlineData(ReasoningEffort.None, 0)]
    [InlineData(ReasoningEffort.Low, 10)]
    [InlineData(ReasoningEffort.Medium, 20)]
    public async Task Effort_OfARandomModel_IsHeld(ReasoningEffort effort, int most)
    {
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(SharedAssets.Path("genai-packages", "llama-int4")))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
        }

        File.WriteAllText(folder["chat_template.jinja"], "{{ messages[0].content }}<think>\n{# </think> #}");
        using var client = new OnnxChatClient(folder.Path);

        var response = await client.GetResponseAsync(
            "Hi",
            new()
            {
                Reasoning = new() { Effort = effort }, MaxOutputTokens = 40,
                AdditionalProperties = new() { ["ignore_eos"] = true },
            });

        Assert.InRange(response.Usage!.ReasoningTokenCount!.Value, 0, most + 12); // and the closing text's tokens
        Assert.NotEmpty(response.Text);
        Assert.Equal(most > 0, response.Messages[0].Contents.OfType<TextReasoningContent>().Any());
    }

    [Fact]
    public async Task Summary_OfTheReasoning_IsAllOfIt()
    {
        using var model = new ScriptedModel([ScriptedModel.Characters("<think>a</think>b")])
        {
            Template = ScriptedModel.ReasoningTemplate,
        };
        using var client = model.ToClient();

        var response = await client.GetResponseAsync(
            "Hi", new() { Reasoning = new() { Output = ReasoningOutput.Summary } });

        Assert.Equal("reasoning(a) text(b)", Answers.Describe(response.Messages[0].Contents));
    }
}
