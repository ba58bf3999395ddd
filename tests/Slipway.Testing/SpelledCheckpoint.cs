using System.Text.Json.Nodes;

namespace Slipway.Testing;

/// <summary>Copies of tiny reference checkpoints with a tokenizer that spells token 7 as <c>t7</c>.</summary>
public static class SpelledCheckpoint
{
    private const int VocabularySize = 256;

    /// <summary>Copies a checkpoint.</summary>
    /// <param name="name">Its name among the tiny ones.</param>
    /// <param name="folder">The folder to write; what is there is overwritten.</param>
    /// <param name="configure">Changes its configuration; null for none.</param>
    /// <param name="words">Tokens with other names, by these.</param>
    /// <param name="files">Files beside it, by their names.</param>
    /// <returns>The folder.</returns>
    public static string Write(
        string name, string folder, Action<JsonObject>? configure = null,
        IReadOnlyDictionary<string, int>? words = null, params IReadOnlyList<(string Name, string Content)> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var source = SharedAssets.Path("tiny", name);
        Directory.CreateDirectory(folder);
        File.Copy(
            Path.Combine(source, "model.safetensors"), Path.Combine(folder, "model.safetensors"), overwrite: true);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        configure?.Invoke(config);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), Tokenizer(words ?? new Dictionary<string, int>()));
        foreach (var (file, content) in files)
        {
            var path = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, content);
        }

        return folder;
    }

    private static string Tokenizer(IReadOnlyDictionary<string, int> words)
    {
        var vocabulary = new JsonObject();
        for (var id = 0; id < VocabularySize; id++)
        {
            vocabulary[words.FirstOrDefault(word => word.Value == id).Key ?? $"t{id}"] = id;
        }

        return new JsonObject
        {
            ["version"] = "1.0",
            ["pre_tokenizer"] = new JsonObject { ["type"] = "WhitespaceSplit" },
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(Sequence("A", 0)),
                ["pair"] = new JsonArray(Sequence("A", 0), Sequence("B", 1)),
                ["special_tokens"] = new JsonObject(),
            },
            ["model"] = new JsonObject
            {
                ["type"] = "WordPiece",
                ["unk_token"] = "t3",
                ["continuing_subword_prefix"] = "##",
                ["max_input_chars_per_word"] = 100,
                ["vocab"] = vocabulary,
            },
        }.ToJsonString();
    }

    private static JsonObject Sequence(string id, int type)
        => new() { ["Sequence"] = new JsonObject { ["id"] = id, ["type_id"] = type } };
}
