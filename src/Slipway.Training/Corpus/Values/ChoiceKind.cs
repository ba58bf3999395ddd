using System.Text.Json.Nodes;

namespace Slipway.Training.Corpus.Values;

/// <summary>Draws one of a fixed list of arguments and one of the ways to say it.</summary>
internal sealed class ChoiceKind(IReadOnlyList<(JsonNode Argument, IReadOnlyList<string> Said)> choices) : ValueKind
{
    public override string Type => choices[0].Argument.GetValueKind() switch
    {
        System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False => "boolean",
        System.Text.Json.JsonValueKind.Number => "integer",
        _ => "string",
    };

    public override IReadOnlyList<JsonNode>? Choices =>
        Type == "string" ? [.. choices.Select(choice => choice.Argument)] : null;

    public override SlotValue Draw(SeededRandom random, CorpusSplit split)
    {
        var (argument, said) = random.Pick(choices);
        return new ChoiceValue(random.Pick(said), argument);
    }
}
