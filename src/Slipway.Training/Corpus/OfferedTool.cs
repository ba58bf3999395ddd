using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Holds a tool as one conversation offers it: with the names it has there.</summary>
internal sealed record OfferedTool(
    ToolFamily Family,
    ToolShape Shape,
    string Name,
    IReadOnlyList<OfferedParameter> Parameters)
{
    /// <summary>Writes the definition that the prompt's template gets.</summary>
    public JsonObject ToJson()
    {
        var properties = new JsonObject();
        foreach (var parameter in Parameters)
        {
            var schema = new JsonObject { ["type"] = parameter.Kind.Type };
            if (parameter.Kind.Choices is { } choices)
            {
                schema["enum"] = new JsonArray([.. choices.Select(choice => choice.DeepClone())]);
            }

            properties[parameter.Name] = schema;
        }

        var required = Parameters.Where(parameter => parameter.Required)
            .Select(parameter => (JsonNode)JsonValue.Create(parameter.Name)).ToArray();
        return new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = Name,
                ["description"] = Shape.Description,
                ["parameters"] = new JsonObject
                {
                    ["type"] = "object",
                    ["properties"] = properties,
                    ["required"] = new JsonArray(required),
                },
            },
        };
    }

    /// <summary>
    /// Writes the call's arguments in the definition's order; null where the tool cannot serve the request.
    /// </summary>
    public JsonObject? Arguments(
        IReadOnlyDictionary<string, SlotValue> values, IReadOnlyDictionary<string, JsonNode> fixedValues)
    {
        var arguments = new JsonObject();
        foreach (var parameter in Parameters)
        {
            if (Argument(parameter, values, fixedValues) is { } argument)
            {
                arguments[parameter.Name] = argument;
            }
            else if (parameter.Required)
            {
                return null;
            }
        }

        return values.Keys.All(Takes) && fixedValues.All(pair => Takes(pair.Key) || Implies(pair.Key, pair.Value))
            ? arguments
            : null;

        bool Takes(string slot) => Parameters.Any(parameter => parameter.Shape.Slot == slot);
    }

    private static JsonNode? Argument(
        OfferedParameter parameter,
        IReadOnlyDictionary<string, SlotValue> values,
        IReadOnlyDictionary<string, JsonNode> fixedValues)
    {
        if (!values.TryGetValue(parameter.Shape.Slot, out var value))
        {
            return fixedValues.GetValueOrDefault(parameter.Shape.Slot)?.DeepClone();
        }

        var dot = parameter.Shape.Path.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? value.ToJson() : value.Field(parameter.Shape.Path[(dot + 1)..])?.ToJson();
    }

    private bool Implies(string slot, JsonNode value) =>
        Shape.Implies.TryGetValue(slot, out var implied) && JsonNode.DeepEquals(implied, value);
}

/// <summary>Holds a parameter as one conversation offers it.</summary>
internal sealed record OfferedParameter(string Name, ParameterShape Shape, ValueKind Kind, bool Required);
