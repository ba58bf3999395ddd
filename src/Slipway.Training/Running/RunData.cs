using System.Text.Json.Nodes;
using Slipway.Tokenization;
using Slipway.Training.Corpus;
using Slipway.Training.Data;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

/// <summary>Reads a run's data and tokenizes it.</summary>
internal sealed class RunData
{
    private const int TokenizerConversations = 20_000;
    private const int ReportEvery = 1000;
    private readonly Recipe _recipe;
    private readonly IConversationSource? _source;
    private readonly ChatTemplate? _template;

    public RunData(Recipe recipe)
    {
        _recipe = recipe;
        _source = Source(recipe);
        if (recipe.ChatTemplate is { } path)
        {
            TemplateText = File.ReadAllText(Existing(path, "chat_template"));
            _template = ChatTemplate.Parse(TemplateText);
        }
    }

    /// <summary>The chat template; null where the recipe has none.</summary>
    public string? TemplateText { get; }

    /// <summary>Opens the conversations that a recipe names; null where it names none.</summary>
    public static IConversationSource? Source(Recipe recipe)
    {
        var data = recipe.Data;
        return data.Corpus is not null
            ? new GrammarCorpus(
                Existing(data.Corpus, "corpus"), (ulong)recipe.Seed, data.TrainingConversations,
                data.EvaluationConversations)
            : data.Conversations is not null
                ? new ConversationFile(
                    Existing(data.Conversations, "conversations"),
                    data.Evaluation is null ? null : Existing(data.Evaluation, "evaluation"))
                : null;
    }

    /// <summary>Checks that a file is there which a key of the recipe names.</summary>
    public static string Existing(string path, string key) => File.Exists(path)
        ? path
        : throw new FileNotFoundException(
            $"The file '{path}' of the recipe's '{key}' does not exist. Check the path.", path);

    /// <summary>Reads texts for a tokenizer to learn from.</summary>
    public IEnumerable<string> Texts()
    {
        if (_recipe.Data.Text is { } text)
        {
            return File.ReadLines(Existing(text, "text")).Select(line => line + "\n");
        }

        var encoder = new ConversationEncoder(Render, _ => [], 0);
        if (_recipe.Data.Preferences is { } pairs)
        {
            return PreferenceFile.Read(Existing(pairs, "preferences")).Take(TokenizerConversations).Select(
                pair => encoder.Render(new Conversation(Joined(pair.Prompt, pair.Chosen), pair.Tools)));
        }

        return _source!.ReadTraining().Take(TokenizerConversations).Select(encoder.Render);
    }

    /// <summary>Tokenizes what a stage of a sequence length trains on and evaluates on.</summary>
    public (TokenDataset Training, TokenDataset? Evaluation) Tokenize(
        HuggingFaceTokenizer tokenizer, int sequenceLength, IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        if (_recipe.Data.Text is not null)
        {
            var evaluation = _recipe.Data.Evaluation;
            return (TextFile(Existing(_recipe.Data.Text!, "text"), tokenizer, sequenceLength, cancellationToken),
                evaluation is null ? null
                    : TextFile(Existing(evaluation, "evaluation"), tokenizer, sequenceLength, cancellationToken));
        }

        var encoder = Encoder(tokenizer);
        if (_recipe.Data.Preferences is { } pairs)
        {
            return (Pairs(Existing(pairs, "preferences"), encoder), _recipe.Data.Evaluation is { } heldOut
                ? Pairs(Existing(heldOut, "evaluation"), encoder) : null);
        }

        var total = _recipe.Data.TrainingConversations;
        return (Encode(_source!.ReadTraining(), encoder, total, progress, cancellationToken),
            Encode(
                _source.ReadEvaluation(), encoder, _recipe.Data.EvaluationConversations, progress, cancellationToken));
    }

    /// <summary>Reads the conversations whose prompt leaves room for an answer, up to their last answer.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="longest">The most tokens of a prompt.</param>
    /// <param name="cancellationToken">Stops between two conversations.</param>
    /// <returns>The conversations, and how many were left out.</returns>
    /// <exception cref="TrainingException">None is left.</exception>
    public (List<Conversation> Conversations, int LeftOut) Prompts(
        HuggingFaceTokenizer tokenizer, int longest, CancellationToken cancellationToken)
    {
        var encoder = Encoder(tokenizer);
        var all = _source!.ReadTraining().AsParallel().AsOrdered().WithCancellation(cancellationToken).Select(one =>
        {
            var messages = one.Messages.Select(message => message!).ToList();
            var last = messages.FindLastIndex(message => message["role"]?.ToString() == "assistant");
            var prompt = new Conversation(
                new JsonArray([.. messages.Take(last + 1).Select(message => message.DeepClone())]), one.Tools,
                one.Tests);
            var (_, learned) = encoder.Encode(prompt, last)[^1];
            return (Prompt: prompt, Fits: Array.IndexOf(learned, true) is var start && start > 0 && start <= longest);
        }).ToList();
        var kept = all.Where(one => one.Fits).Select(one => one.Prompt).ToList();
        if (kept.Count == 0)
        {
            throw new TrainingException(
                $"None of the {all.Count} prompts has at most {longest} tokens, which leave room for an answer. Raise "
                + "'sequence_length', or lower 'max_answer_tokens'.");
        }

        return (kept, all.Count - kept.Count);
    }

    /// <summary>Tokenizes a stage's prompts: what a user says where there is a chat template, else the beginning of a
    /// text.</summary>
    public SampleTexts? Samples(StageRecipe stage, HuggingFaceTokenizer tokenizer) => stage.Samples.Count == 0 ? null
        : new(
            tokenizer,
            [.. stage.Samples.Select(text => (text, tokenizer.Encode(
                _template is null ? text : Render(new JsonObject
                {
                    ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text }),
                    ["add_generation_prompt"] = true,
                }), addSpecialTokens: false)))],
            tokenizer.TokenToId(_recipe.Tokenizer.EndToken)!.Value, stage.SampleTokens);

    private ConversationEncoder Encoder(HuggingFaceTokenizer tokenizer) => new(
        Render, text => tokenizer.Encode(text, addSpecialTokens: false),
        tokenizer.TokenToId(_recipe.Tokenizer.EndToken)!.Value);

    private string Render(JsonObject variables)
    {
        variables["eos_token"] = _recipe.Tokenizer.EndToken;
        return _template!.Render(variables);
    }

    private static TokenDataset Encode(
        IEnumerable<Conversation> conversations, ConversationEncoder encoder, int total,
        IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        var data = new TokenDataset();
        var done = 0;
        foreach (var sequences in conversations.AsParallel().AsOrdered().WithCancellation(cancellationToken)
            .Select(conversation => encoder.Encode(conversation)))
        {
            foreach (var (ids, learned) in sequences)
            {
                data.Add(ids, learned);
            }

            if (++done % ReportEvery == 0)
            {
                progress?.Report(new TrainingProgress("tokenize", -1, done, total));
            }
        }

        return data;
    }

    // The preferred and the rejected answer of each pair, by turns.
    private static TokenDataset Pairs(string path, ConversationEncoder encoder)
    {
        var data = new TokenDataset();
        foreach (var pair in PreferenceFile.Read(path))
        {
            foreach (var answer in new[] { pair.Chosen, pair.Rejected })
            {
                var sequences = encoder.Encode(
                    new Conversation(Joined(pair.Prompt, answer), pair.Tools), pair.Prompt.Count);
                var (ids, learned) = sequences[^1];
                data.Add(ids, learned);
            }
        }

        return data;
    }

    private static JsonArray Joined(JsonArray prompt, JsonArray answer) =>
        new([.. prompt.Concat(answer).Select(message => message!.DeepClone())]);

    // One stream of tokens, cut into windows that share one token, so that every token but the first is predicted.
    private static TokenDataset TextFile(
        string path, HuggingFaceTokenizer tokenizer, int sequenceLength, CancellationToken cancellationToken)
    {
        var stream = new List<int>();
        foreach (var line in File.ReadLines(path))
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.AddRange(tokenizer.Encode(line + "\n", addSpecialTokens: false));
        }

        var data = new TokenDataset();
        var learned = new bool[sequenceLength];
        for (var start = 0; start < stream.Count - 1; start += sequenceLength - 1)
        {
            var window = stream.GetRange(start, Math.Min(sequenceLength, stream.Count - start)).ToArray();
            data.Add(window, learned.AsSpan(0, window.Length));
        }

        return data;
    }
}
