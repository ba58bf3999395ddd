using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Tokenization;
using Slipway.Training.Corpus;
using Slipway.Training.Data;
using Slipway.Training.Models;

namespace Slipway.Rollouts;

/// <summary>The repository's own model, and requests of its training wordings.</summary>
internal static class DeviceAssistant
{
    public static string Folder { get; } = Path.Combine(
        SharedAssets.Repository, "models", "device-assistant", "checkpoint");

    public static string Grammar { get; } = Path.Combine(
        SharedAssets.Repository, "export-scripts", "device-assistant.grammar.json");

    public static CausalLanguageModel Load()
    {
        using var checkpoint = Checkpoint.Open(Folder);
        var model = new CausalLanguageModel(ModelConfig.Parse(checkpoint.Config, checkpoint.Path));
        CheckpointWeights.Load(model, checkpoint);
        return model;
    }

    public static IReadOnlyList<Conversation> Conversations(int count, ulong seed = 5) =>
        [.. new GrammarCorpus(Grammar, seed, count, 0).ReadTraining()];

    public static IReadOnlyDictionary<string, byte[]> Texts() => new[]
        {
            "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json",
        }
        .ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(Folder, name)));

    /// <summary>Tokens of conversations, and which of them the assistant says.</summary>
    public static TokenDataset Encode(IEnumerable<Conversation> conversations)
    {
        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(Folder, "tokenizer.json"));
        var template = ChatTemplate.Parse(File.ReadAllText(Path.Combine(Folder, "chat_template.jinja")));
        var encoder = new ConversationEncoder(
            variables => template.Render(variables), text => tokenizer.Encode(text, addSpecialTokens: false),
            tokenizer.TokenToId("<|end|>")!.Value);
        var data = new TokenDataset();
        foreach (var (ids, learned) in conversations.SelectMany(one => encoder.Encode(one)))
        {
            data.Add(ids, learned);
        }

        return data;
    }

    public static Conversation Ask(string request, string answer) => new(
        [
            new JsonObject { ["role"] = "user", ["content"] = request },
            new JsonObject { ["role"] = "assistant", ["content"] = answer },
        ]);
}
