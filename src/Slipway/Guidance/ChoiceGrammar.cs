using System.Text.Json.Nodes;
using Slipway.Guidance.Characters;

namespace Slipway.Guidance;

/// <summary>Builds the grammar of an answer that is one of several texts.</summary>
internal static class ChoiceGrammar
{
    /// <summary>Writes the texts as a grammar's source: a JSON list.</summary>
    /// <exception cref="ArgumentException">There is none, or an empty one.</exception>
    public static string ToSource(IReadOnlyList<string> choices)
    {
        if (choices.Count == 0)
        {
            throw new ArgumentException("There is no choice for the answer. Give at least one text.", nameof(choices));
        }

        for (var i = 0; i < choices.Count; i++)
        {
            if (string.IsNullOrEmpty(choices[i]))
            {
                throw new ArgumentException($"The choice at position '{i}' is empty. Leave it out.", nameof(choices));
            }
        }

        return new JsonArray([.. choices.Select(choice => (JsonNode)JsonValue.Create(choice))]).ToJsonString();
    }

    public static GrammarElement Compile(string source)
    {
        var texts = ((JsonArray)JsonNode.Parse(source)!).Select(choice => choice!.GetValue<string>());
        return PatternElement.Of(new(CharacterAutomaton.Of(texts)), CharacterForm.Plain);
    }
}
