using Slipway.Tokenization;
using Slipway.Training.Corpus;
using Slipway.Training.Data;
using Slipway.Training.Data.Encoders;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running.Encoders;

/// <summary>Reads the data of an encoder's run.</summary>
internal sealed class EncoderRunData(Recipe recipe)
{
    private readonly StageKind _kind = recipe.Stages[0].Kind;
    private readonly IConversationSource? _source = RunData.Source(recipe);

    /// <summary>Reads texts for a tokenizer to learn from.</summary>
    public IEnumerable<string> Texts() => _kind == StageKind.MaskedLanguageModel ? Texts(isTraining: true)
        : Lines(isTraining: true).SelectMany(line => line.Json.SelectMany(key => key.Value switch
        {
            System.Text.Json.Nodes.JsonArray list => list.Select(item => $"{item}"),
            { } value => [$"{value}"],
            null => [],
        }));

    /// <summary>Reads the names of labels, where a line may hold one or several.</summary>
    public IEnumerable<string> Labels() => Lines(isTraining: true).SelectMany(line =>
        _kind == StageKind.Tag ? ExampleEncoder.Tags(line) : [ExampleEncoder.Label(line)]);

    /// <summary>Tokenizes what a stage learns, or is evaluated on; null where there is nothing held out.</summary>
    public EncoderStageData? Read(
        StageRecipe stage, HuggingFaceTokenizer tokenizer, LabelNames? labels, bool isTraining)
    {
        if (!isTraining && recipe.Data.Evaluation is null && recipe.Data.EvaluationConversations == 0)
        {
            return null;
        }

        var encoder = new ExampleEncoder(tokenizer, stage.SequenceLength);
        if (_kind == StageKind.MaskedLanguageModel)
        {
            return Masked(stage, tokenizer, encoder, isTraining);
        }

        if (_kind == StageKind.Embed)
        {
            return new PairedData([.. Lines(isTraining).Select(encoder.Paired)], stage.Contrastive!);
        }

        var areTags = _kind == StageKind.Tag;
        var all = Lines(isTraining)
            .Select(line => areTags ? encoder.Tagged(line, labels!) : encoder.Classified(line, labels!)).ToList();
        var kept = all.Where(example => example.Places.Length > 0).ToList();
        return new LabeledData(kept, all.Count - kept.Count, labels!, areTags, stage.Loss);
    }

    private MaskedData Masked(
        StageRecipe stage, HuggingFaceTokenizer tokenizer, ExampleEncoder encoder, bool isTraining)
    {
        var mask = stage.MaskToken is { } name ? tokenizer.TokenToId(name)
            : tokenizer.TokenToId("[MASK]") ?? tokenizer.TokenToId("<mask>");
        var special = Enumerable.Range(0, tokenizer.VocabularySize).Where(tokenizer.IsSpecial).ToHashSet();
        var all = Texts(isTraining).SelectMany(encoder.Windows).ToList();
        var kept = all.Where(example => !example.Texts[0].All(special.Contains)).ToList();
        return new MaskedData(
            kept, all.Count - kept.Count,
            new TokenMasking(
                mask ?? throw new TrainingException(
                    $"The tokenizer has no token '{stage.MaskToken ?? "[MASK]' or '<mask>"}' that could stand for a "
                    + "hidden one. Name one by the stage's 'mask_token'."),
                tokenizer.VocabularySize, stage.MaskShare),
            special, stage.Loss);
    }

    private IEnumerable<JsonLine> Lines(bool isTraining)
    {
        var data = recipe.Data;
        return _source is GrammarCorpus corpus ? GrammarExamples.Of(_kind, corpus, data.Corpus!, isTraining)
            : ExampleFile.Read(RunData.Existing(
                isTraining ? data.Examples! : data.Evaluation!, isTraining ? "examples" : "evaluation"));
    }

    private IEnumerable<string> Texts(bool isTraining)
    {
        var data = recipe.Data;
        return (_source is { } source
            ? (isTraining ? source.ReadTraining() : source.ReadEvaluation()).SelectMany(one => one.Messages)
                .Where(message => message!["content"]?.GetValueKind() == System.Text.Json.JsonValueKind.String)
                .Select(message => $"{message!["content"]}")
            : File.ReadLines(RunData.Existing(
                isTraining ? data.Text! : data.Evaluation!, isTraining ? "text" : "evaluation")))
            .Where(text => !string.IsNullOrWhiteSpace(text));
    }
}
