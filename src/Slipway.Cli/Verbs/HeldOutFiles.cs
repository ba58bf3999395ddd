using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Packaging;
using Slipway.Tokenization;
using Slipway.Training.Corpus;

namespace Slipway.Cli.Verbs;

/// <summary>Writes held-out conversations in the forms that the other verbs of <c>eval</c> read.</summary>
internal static class HeldOutFiles
{
    /// <summary>Conversations in OpenAI's form, for <c>--task tool-calls=</c>.</summary>
    public const string Cases = "tool-calls.jsonl";

    /// <summary>The right last message among those of three other conversations, for <c>--task multiple-choice=</c>.
    /// </summary>
    public const string Choices = "choices.jsonl";

    /// <summary>All conversations as the package's template puts them, for <c>--text</c>.</summary>
    public const string Text = "text.txt";

    private const int Options = 4;

    /// <summary>Writes the three files.</summary>
    /// <param name="folder">The folder, which is made.</param>
    /// <param name="package">The package whose template puts conversations.</param>
    /// <param name="conversations">The conversations; each one's last message is the assistant's.</param>
    /// <exception cref="UsageException">The package has no chat template, or there are too few answers to choose
    /// from.</exception>
    public static void Write(string folder, string package, IReadOnlyList<CorpusConversation> conversations)
    {
        var config = TokenizerConfig.Read(package, file => TextSource.ReadFile(package, file));
        var template = ChatTemplate.Parse(config.ChatTemplate(withTools: true)
            ?? throw new UsageException($"'{package}' has no chat template. Name a package that has one."));
        (string Prompt, string Answer)[] texts = [.. conversations.Select(item => Texts(template, config, item))];
        if (texts.Select(text => text.Answer).Distinct().Take(Options).Count() < Options)
        {
            throw new UsageException(
                $"{conversations.Count} conversations have fewer than {Options} answers to choose from. Give a larger "
                + "--count.");
        }

        Directory.CreateDirectory(folder);
        File.WriteAllLines(Path.Combine(folder, Cases), conversations.Select(item => new JsonObject
        {
            ["kind"] = item.Kind, ["messages"] = item.Messages.DeepClone(), ["tools"] = item.Tools?.DeepClone(),
        }.ToJsonString()));
        File.WriteAllLines(Path.Combine(folder, Choices), texts.Select((text, index) => Choice(texts, index)));
        File.WriteAllText(Path.Combine(folder, Text), string.Concat(texts.Select(text => text.Prompt + text.Answer)));
    }

    private static string Choice((string Prompt, string Answer)[] texts, int index)
    {
        var (prompt, right) = texts[index];
        List<string> options =
        [
            .. Enumerable.Range(1, texts.Length - 1).Select(step => texts[(index + step) % texts.Length].Answer)
                .Where(answer => answer != right).Distinct().Take(Options - 1),
        ];
        var place = index % Options;
        options.Insert(place, right);
        return new JsonObject
        {
            ["context"] = prompt, ["options"] = new JsonArray([.. options.Select(option => (JsonNode)option)]),
            ["answer"] = place,
        }.ToJsonString();
    }

    private static (string Prompt, string Answer) Texts(
        ChatTemplate template, TokenizerConfig config, CorpusConversation item)
    {
        var prompt = Render([.. item.Messages.SkipLast(1)], addsPrompt: true);
        var whole = Render(item.Messages, addsPrompt: false);
        return whole.StartsWith(prompt, StringComparison.Ordinal) ? (prompt, whole[prompt.Length..])
            : throw new UsageException(
                "The package's chat template does not put a conversation as its prompt and the answer after it.");

        string Render(IEnumerable<JsonNode?> messages, bool addsPrompt)
        {
            JsonObject variables = new()
            {
                ["messages"] = new JsonArray([.. messages.Select(message => message?.DeepClone())]),
                ["tools"] = item.Tools?.DeepClone(),
                ["add_generation_prompt"] = addsPrompt,
            };
            config.AddTo(variables);
            return template.Render(variables, DateTimeOffset.UnixEpoch);
        }
    }
}
