using System.CommandLine;

namespace Slipway.Cli.Verbs;

/// <summary>The options that say how tokens are chosen.</summary>
internal sealed class SamplingArguments
{
    private readonly Option<double?> _temperature = new("--temperature")
    {
        Description = "Divisor of the logits; 0 always takes the most probable token.",
    };

    private readonly Option<int?> _topK = new("--top-k") { Description = "Keep this many of the most probable tokens." };

    private readonly Option<double?> _topP = new("--top-p") { Description = "Keep the most probable tokens up to this mass." };

    private readonly Option<double?> _minP = new("--min-p")
    {
        Description = "Drop tokens less probable than this share of the most probable one.",
    };

    private readonly Option<double?> _repetition = new("--repetition-penalty")
    {
        Description = "Divide the logits of tokens that occurred.",
    };

    private readonly Option<long?> _seed = new("--seed") { Description = "Make the draws repeatable." };

    private readonly Option<string[]> _stop = new("--stop") { Description = "A text that ends the answer; may be repeated." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _temperature, _topK, _topP, _minP, _repetition, _seed, _stop })
        {
            command.Add(option);
        }
    }

    public IReadOnlyList<string> StopSequences(ParseResult result) => result.GetValue(_stop) ?? [];

    public double? Temperature(ParseResult result) => result.GetValue(_temperature);

    public double? TopP(ParseResult result) => result.GetValue(_topP);

    public int? TopK(ParseResult result) => result.GetValue(_topK);

    public long? Seed(ParseResult result) => result.GetValue(_seed);

    public SamplingOptions Read(ParseResult result) => new()
    {
        Temperature = result.GetValue(_temperature) ?? 0,
        TopK = result.GetValue(_topK) ?? 0,
        TopP = result.GetValue(_topP) ?? 1,
        MinP = result.GetValue(_minP) ?? 0,
        RepetitionPenalty = result.GetValue(_repetition) ?? 1,
        Seed = result.GetValue(_seed),
    };
}
