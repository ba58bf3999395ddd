using System.CommandLine;

namespace Slipway.Cli.Verbs;

/// <summary>The options that say how tokens are chosen.</summary>
internal sealed class SamplingArguments
{
    private readonly Option<double?> _temperature = new("--temperature")
    {
        Description = "Divisor of the logits; 0 always takes the most probable token.",
    };

    private readonly Option<int?> _topK = new("--top-k")
    {
        Description = "Keep this many of the most probable tokens.",
    };

    private readonly Option<double?> _topP = new("--top-p")
    {
        Description = "Keep the most probable tokens up to this mass.",
    };

    private readonly Option<double?> _minP = new("--min-p")
    {
        Description = "Drop tokens less probable than this share of the most probable one.",
    };

    private readonly Option<double?> _repetition = new("--repetition-penalty")
    {
        Description = "Divide the logits of tokens that occurred.",
    };

    private readonly Option<double?> _presence = new("--presence-penalty")
    {
        Description = "Subtract this from the logits of tokens in the answer.",
    };

    private readonly Option<double?> _frequency = new("--frequency-penalty")
    {
        Description = "Subtract this from a token's logit for each time that it is in the answer.",
    };

    private readonly Option<long?> _seed = new("--seed") { Description = "Make the draws repeatable." };

    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "A text that ends the answer; may be repeated.",
    };

    private const int UsualDraft = 4;

    private readonly Option<int?> _draft = new("--draft-tokens")
    {
        Description =
            "Guess up to this many tokens ahead from earlier text; but for rounding the answer stays the same.",
    };

    private readonly Option<string?> _draftModel = new("--draft-model")
    {
        Description = "The package of a smaller model with the same tokenizer that guesses too; 4 tokens unless told.",
    };

    public void AddTo(Command command)
    {
        Option[] options =
        [
            _temperature, _topK, _topP, _minP, _repetition, _presence, _frequency, _seed, _stop, _draft, _draftModel,
        ];
        foreach (var option in options)
        {
            command.Add(option);
        }
    }

    public IReadOnlyList<string> StopSequences(ParseResult result) => result.GetValue(_stop) ?? [];

    public string? DraftModel(ParseResult result) => result.GetValue(_draftModel);

    public int? DraftTokens(ParseResult result)
        => result.GetValue(_draft) ?? (DraftModel(result) is null ? null : UsualDraft);

    /// <summary>Options of a chat request; what is not told comes from the package.</summary>
    public OnnxChatRequestOptions ReadChat(ParseResult result) => new()
    {
        Temperature = result.GetValue(_temperature),
        TopK = result.GetValue(_topK),
        TopP = result.GetValue(_topP),
        MinP = result.GetValue(_minP),
        RepetitionPenalty = result.GetValue(_repetition),
        PresencePenalty = result.GetValue(_presence),
        FrequencyPenalty = result.GetValue(_frequency),
        Seed = result.GetValue(_seed),
        DraftTokens = DraftTokens(result),
        StopSequences = StopSequences(result) is { Count: > 0 } texts ? texts : null,
    };

    public SamplingOptions Read(ParseResult result) => new()
    {
        Temperature = result.GetValue(_temperature) ?? 0,
        TopK = result.GetValue(_topK) ?? 0,
        TopP = result.GetValue(_topP) ?? 1,
        MinP = result.GetValue(_minP) ?? 0,
        RepetitionPenalty = result.GetValue(_repetition) ?? 1,
        PresencePenalty = result.GetValue(_presence) ?? 0,
        FrequencyPenalty = result.GetValue(_frequency) ?? 0,
        Seed = result.GetValue(_seed),
    };
}
