using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Holds what a model answered to an item.</summary>
/// <param name="Item">The item's place in the task, from 0.</param>
/// <param name="Text">The answer.</param>
/// <param name="Values">Values that were computed with it, such as log-likelihoods and whether it is right.</param>
public sealed record TaskAnswer(int Item, string Text, IReadOnlyDictionary<string, double> Values)
    : IResult<TaskAnswer>
{
    JsonObject IResult<TaskAnswer>.ToJson() => new()
    {
        ["item"] = Item,
        ["text"] = Text,
        ["values"] = new JsonObject(Values.Select(
            value => KeyValuePair.Create(value.Key, (JsonNode?)ResultNumber.ToJson(value.Value)))),
    };

    static TaskAnswer IResult<TaskAnswer>.FromJson(JsonNode? node)
    {
        try
        {
            return new TaskAnswer(
                (int)node!["item"]!, (string)node["text"]!, node["values"]!.AsObject().ToDictionary(
                    value => value.Key, value => ResultNumber.FromJson(value.Value!), StringComparer.Ordinal));
        }
        catch (Exception exception) when (exception is InvalidOperationException or NullReferenceException
            or FormatException)
        {
            throw new JsonException("The line is no answer; expected 'item', 'text' and 'values'.", exception);
        }
    }
}
