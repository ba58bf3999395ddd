using System.Text;
using System.Text.Json.Nodes;
using Slipway.Tokenization;
using Slipway.Tokenization.Training;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

/// <summary>Gets a run's tokenizer: the one in its folder, the recipe's, or one trained on the data.</summary>
internal static class RunTokenizer
{
    public static HuggingFaceTokenizer Get(
        TokenizerRecipe recipe, TrainerFiles files, Func<IEnumerable<string>> texts,
        IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        if (!File.Exists(files.Tokenizer))
        {
            files.Write("tokenizer.json", recipe.Path is { } path
                ? ReadFile(path) : Train(
                    recipe.Train!, (recipe.StartToken, recipe.EndToken), texts(), progress, cancellationToken));
        }

        var tokenizer = HuggingFaceTokenizer.Load(files.Tokenizer);
        var isThere = recipe.EndToken.Length == 0 || tokenizer.TokenToId(recipe.EndToken) is not null;
        return isThere ? tokenizer : throw new TrainingException(
            $"The tokenizer '{recipe.Path ?? files.Tokenizer}' has no token '{recipe.EndToken}', which the recipe "
            + "names as 'tokenizer.end_token'. Name a token that it has.");
    }

    /// <summary>Writes what the Hugging Face libraries and the exporter want to know of a tokenizer.</summary>
    public static void WriteConfig(TrainerFiles files, TokenizerRecipe recipe, int contextLength)
    {
        files.Write("tokenizer_config.json", new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["model_max_length"] = contextLength,
            ["eos_token"] = recipe.EndToken,
            ["pad_token"] = recipe.EndToken,
            ["add_bos_token"] = false,
            ["clean_up_tokenization_spaces"] = false,
        });
    }

    private static byte[] Train(
        TokenizerTraining recipe, (string? Start, string End) surround, IEnumerable<string> texts,
        IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        var trainer = new BpeTrainer(new BpeTrainerOptions
        {
            VocabularySize = recipe.VocabSize,
            SpecialTokens = recipe.SpecialTokens,
            AddedTokens = recipe.AddedTokens,
            Pattern = recipe.Pattern,
        });
        progress?.Report(new TrainingProgress("tokenizer", -1, 0, recipe.VocabSize));
        var bytes = trainer.Train(texts, cancellationToken: cancellationToken);
        progress?.Report(new TrainingProgress("tokenizer", -1, recipe.VocabSize, recipe.VocabSize));
        return surround.Start is null ? bytes : Surrounded(bytes, surround.Start, surround.End);
    }

    // Puts the tokens around a text, and between two texts the end token twice, as RoBERTa does.
    private static byte[] Surrounded(byte[] bytes, string start, string end)
    {
        var json = JsonNode.Parse(bytes)!;
        var ids = ((JsonArray)json["added_tokens"]!).ToDictionary(
            token => (string)token!["content"]!, token => (int)token!["id"]!);
        json["post_processor"] = new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(Special(start), Text("A"), Special(end)),
            ["pair"] = new JsonArray(
                Special(start), Text("A"), Special(end), Special(end), Text("B"), Special(end)),
            ["special_tokens"] = new JsonObject(new[] { start, end }.Distinct().Select(token =>
                KeyValuePair.Create(token, (JsonNode?)new JsonObject
                {
                    ["id"] = token, ["ids"] = new JsonArray(ids[token]), ["tokens"] = new JsonArray(token),
                }))),
        };
        return Encoding.UTF8.GetBytes(json.ToJsonString());

        static JsonObject Special(string token) => new()
        {
            ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = 0 },
        };

        static JsonObject Text(string name) => new()
        {
            ["Sequence"] = new JsonObject { ["id"] = name, ["type_id"] = 0 },
        };
    }

    private static byte[] ReadFile(string path) => HuggingFaceTokenizer.Exists(path)
        ? HuggingFaceTokenizer.ToJson(path, out _)
        : throw new FileNotFoundException($"The tokenizer '{path}' does not exist. Check 'tokenizer.path'.", path);
}
