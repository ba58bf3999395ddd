using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Training.Adapters;
using Slipway.Training.Losses;
using Slipway.Training.Methods;
using Slipway.Training.Optimization;

namespace Slipway.Training.Recipes;

/// <summary>Reads training recipes: JSON, with comments allowed, and no key that is not known.</summary>
public static class RecipeReader
{
    private const long MaxFile = 1 << 20;
    private const long MaxSteps = 1L << 40;

    private static readonly JsonDocumentOptions Options = new()
    {
        AllowDuplicateProperties = false,
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
        MaxDepth = 32,
    };

    /// <summary>Reads a recipe file.</summary>
    /// <param name="path">The file; its folder is where relative paths start.</param>
    /// <exception cref="RecipeException">The recipe cannot be used; the message holds every reason.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static Recipe Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"The recipe '{path}' does not exist. Check the path.", path);
        }

        if (new FileInfo(path).Length > MaxFile)
        {
            throw new RecipeException(path, [$"It has more than {MaxFile} bytes; a recipe is a small JSON file."]);
        }

        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new RecipeException(path, [$"It cannot be read: {error.Message}"]);
        }
    }

    /// <summary>Reads a recipe from its text.</summary>
    /// <param name="text">JSON.</param>
    /// <param name="path">The file that the text stands for; its folder is where relative paths start.</param>
    /// <exception cref="RecipeException">The recipe cannot be used; the message holds every reason.</exception>
    public static Recipe Parse(string text, string path)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentException.ThrowIfNullOrEmpty(path);
        var json = ParseJson(text, path);
        var errors = new List<string>();
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var recipe = Read(new RecipeSection(json, "", errors), folder, json);
        return errors.Count == 0 ? recipe : throw new RecipeException(path, errors);
    }

    /// <summary>Parses a JSON object as recipes are written, with comments.</summary>
    internal static JsonObject ParseJson(string text, string path)
    {
        try
        {
            return JsonNode.Parse(text, documentOptions: Options) as JsonObject
                ?? throw new RecipeException(path, ["It holds no JSON object."]);
        }
        catch (JsonException error)
        {
            throw new RecipeException(path, [$"It is not valid JSON: {error.Message}"]);
        }
    }

    private static Recipe Read(RecipeSection root, string folder, JsonObject json)
    {
        var recipe = new Recipe
        {
            Name = root.Text("name") ?? "",
            Output = Full(folder, root.Text("output")) ?? "",
            Seed = root.Whole("seed", null, 0, long.MaxValue),
            Threads = (int)root.Whole("threads", 0, 0, 1024),
            SavePrecision = root.Choice("save_precision", NumberType.Fp32, required: false,
                ("fp32", NumberType.Fp32), ("bf16", NumberType.Bf16), ("fp16", NumberType.Fp16)),
            Model = root.Has("start") && !root.Has("model") ? []
                : (JsonObject?)root.Object("model")?.DeepClone() ?? [],
            Start = Full(folder, root.Text("start", required: false)),
            Adapter = ReadAdapter(root.Section("adapter", required: false)),
            BaseQuantization = root.Has("base_quantization") ? root.Choice(
                "base_quantization", FrozenType.Nf4, required: false,
                ("nf4", FrozenType.Nf4), ("int4", FrozenType.Int4)) : null,
            Teacher = Full(folder, root.Text("teacher", required: false)),
            Tokenizer = ReadTokenizer(root.Section("tokenizer", !IsEncoder(json) || !root.Has("start")), folder),
            ChatTemplate = Full(folder, root.Text("chat_template", required: false)),
            Labels = root.Has("labels") ? root.Texts("labels") : null,
            Data = ReadData(root.Section("data"), folder),
            Stages = [.. root.Sections("stages").Select(stage => ReadStage(stage, folder))],
            Fingerprint = Fingerprint(json),
        };
        if (recipe.ChatTemplate is null && recipe.Data.Text is null && root.Has("data")
            && recipe.Data.Examples is null && !IsEncoder(json))
        {
            root.Report("chat_template", "is missing; conversations need one.");
        }

        root.Know("model");
        RecipeChecks.Check(recipe, root);
        root.Close();
        return recipe;
    }

    // Asked of the text, before stages are read: what an encoder needs besides differs.
    private static bool IsEncoder(JsonObject json) => json["stages"] is JsonArray stages && stages.Any(stage =>
        TrainingMethods.All.Any(row => row.Task is not null && row.Name == (stage as JsonObject)?["kind"]?.ToString()));

    private static AdapterConfig? ReadAdapter(RecipeSection? section)
    {
        var config = section is null ? null : AdapterConfig.Read(section);
        section?.Close();
        return config;
    }

    private static TokenizerRecipe ReadTokenizer(RecipeSection? section, string folder)
    {
        if (section is null)
        {
            return new TokenizerRecipe(null, null, "");
        }

        var end = section.Text("end_token") ?? "";
        TokenizerTraining? training = null;
        if (section.OneOf("path", "train") == "train" && section.Section("train", required: false) is { } train)
        {
            training = new TokenizerTraining(
                (int)train.Whole("vocab_size", null, 257, 1 << 20), train.Texts("special_tokens"),
                train.Texts("added_tokens"), train.Pattern("pattern"));
            if (end.Length > 0 && !training.SpecialTokens.Contains(end))
            {
                train.Report("special_tokens", $"lacks the end token '{end}'. Add it.");
            }

            train.Close();
        }

        var path = Full(folder, section.Text("path", required: false));
        var start = training is null ? null : section.Text("start_token", required: false);
        if (start is not null && !training!.SpecialTokens.Contains(start))
        {
            section.Report("start_token", $"is '{start}', which 'train.special_tokens' lacks. Add it.");
        }

        section.Close();
        return new TokenizerRecipe(path, training, end, start);
    }

    private static DataRecipe ReadData(RecipeSection? section, string folder)
    {
        if (section is null)
        {
            return new DataRecipe(null, 0, 0, null, null, null);
        }

        var source = section.OneOf("corpus", "conversations", "text", "preferences", "examples");
        var corpus = source == "corpus";
        var data = new DataRecipe(
            Full(folder, section.Text("corpus", required: false)),
            corpus ? (int)section.Whole("training_conversations", null, 1, 100_000_000) : 0,
            corpus ? (int)section.Whole("evaluation_conversations", 0, 0, 100_000_000) : 0,
            Full(folder, section.Text("conversations", required: false)),
            Full(folder, section.Text("text", required: false)),
            corpus ? null : Full(folder, section.Text("evaluation", required: false)),
            Full(folder, section.Text("preferences", required: false)),
            ReadMistakes(section.Section("mistakes", required: false), folder),
            Full(folder, section.Text("examples", required: false)));
        section.Close();
        return data;
    }

    private static StageRecipe ReadStage(RecipeSection section, string folder)
    {
        var steps = section.OneOf("steps", "epochs") == "steps";
        var method = section.Choice("kind", TrainingMethods.All[0], required: true,
            [.. TrainingMethods.All.Select(row => (row.Name, row))]);
        var schedule = section.Choice("schedule", ScheduleKind.Cosine, required: false,
            ("cosine", ScheduleKind.Cosine), ("linear", ScheduleKind.Linear), ("constant", ScheduleKind.Constant),
            ("wsd", ScheduleKind.WarmupStableDecay));
        var stage = new StageRecipe
        {
            Kind = method.Kind,
            Schedule = schedule,
            DecaySteps = schedule == ScheduleKind.WarmupStableDecay
                ? section.Whole("decay_steps", null, 1, MaxSteps) : 0,
            Loss = method.Data == MethodData.Preferences
                || method.Kind is StageKind.Distill or StageKind.Grpo or StageKind.Embed
                ? CrossEntropy.Plain
                : new(section.Number("label_smoothing", 0, 0, 0.99), section.Number("z_loss", 0, 0, 100)),
            Preference = method.Preference?.Invoke(section),
            Distillation = method.Kind != StageKind.Distill ? null : new(
                section.Number("alpha", 0.5, 0, 1), section.Number("temperature", 2, 0.01, 100),
                section.Flag("reverse_kl")),
            Rollouts = method.Kind == StageKind.Grpo ? ReadRollouts(section, folder, compares: true) : null,
            MaskToken = method.Kind == StageKind.MaskedLanguageModel
                ? section.Text("mask_token", required: false) : null,
            MaskShare = method.Kind == StageKind.MaskedLanguageModel
                ? section.Number("mask_share", 0.15, 0.001, 0.999) : 0.15,
            Contrastive = method.Kind != StageKind.Embed ? null : new(
                section.Number("temperature", 0.05, 1e-3, 100), section.Flag("symmetric")),
            Patience = (int)section.Whole("patience", 0, 0, 1 << 20),
            Steps = steps && section.Has("steps") ? section.Whole("steps", 1, 1, MaxSteps) : null,
            Epochs = !steps ? section.Number("epochs", 1, 1e-6, 1e6) : null,
            BatchSize = (int)section.Whole("batch_size", null, 1, 1 << 20),
            SequenceLength = (int)section.Whole("sequence_length", null, 2, 1 << 20),
            Optimizer = section.Choice("optimizer", OptimizerKind.AdamW, required: false,
                [.. Optimizers.All.Select(row => (row.Name, row.Kind))]),
            LearningRate = section.Number("learning_rate", null, 1e-12, 100),
            MinimumLearningRate = section.Number("minimum_learning_rate", 0, 0, 100),
            WarmupSteps = section.Whole("warmup_steps", 0, 0, MaxSteps),
            WeightDecay = section.Number("weight_decay", 0, 0, 100),
            GradientClip = section.Number("gradient_clip", 1, 1e-9, 1e9),
            Accumulation = (int)section.Whole("accumulation", 1, 1, 1 << 16),
            Precision = section.Choice("precision", NumberType.Fp32, required: false,
                ("fp32", NumberType.Fp32), ("bf16", NumberType.Bf16)),
            GradientCheckpointing = section.Flag("gradient_checkpointing"),
            Samples = section.Texts("samples"),
            SampleTokens = (int)section.Whole("sample_tokens", 48, 1, 1 << 16),
            EvaluateEvery = section.Whole("evaluate_every", 0, 0, MaxSteps),
            CheckpointEvery = section.Whole("checkpoint_every", 0, 0, MaxSteps),
        };
        section.Close();
        return stage;
    }

    // Answers that are compared with each other are several, and may be held to another model's.
    private static RolloutRecipe ReadRollouts(RecipeSection section, string folder, bool compares) => new()
    {
        GroupSize = (int)section.Whole("group_size", compares ? 8 : 1, compares ? 2 : 1, 64),
        MaxAnswerTokens = (int)section.Whole("max_answer_tokens", 200, 1, 1 << 20),
        Temperature = section.Number("temperature", 1, 0.01, 100),
        Beta = compares ? section.Number("beta", 0, 0, 1e3) : 0,
        Rewards = [.. section.Sections("rewards").Select(reward => ReadReward(reward, folder))],
    };

    private static RolloutRecipe? ReadMistakes(RecipeSection? section, string folder)
    {
        var mistakes = section is null ? null : ReadRollouts(section, folder, compares: false);
        section?.Close();
        return mistakes;
    }

    private static RewardRecipe ReadReward(RecipeSection section, string folder)
    {
        var reward = new RewardRecipe(
            section.Text("kind") ?? "", section.Number("weight", 1, -1e6, 1e6),
            Full(folder, section.Text("file", required: false)));
        section.Close();
        return reward;
    }

    // What may change between a run and its continuation: where it is written, how often it is looked at, and what it
    // keeps in memory.
    private static string Fingerprint(JsonObject json)
    {
        var relevant = (JsonObject)json.DeepClone();
        foreach (var key in new[] { "name", "output", "save_precision" })
        {
            relevant.Remove(key);
        }

        foreach (var stage in (relevant["stages"] as JsonArray ?? []).OfType<JsonObject>())
        {
            stage.Remove("evaluate_every");
            stage.Remove("checkpoint_every");
            stage.Remove("gradient_checkpointing");
            stage.Remove("samples");
            stage.Remove("sample_tokens");
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(relevant.ToJsonString())));
    }

    private static string? Full(string folder, string? path) => path is null ? null : Path.GetFullPath(path, folder);
}
