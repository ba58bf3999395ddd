using Slipway.Guidance.Characters;
using Slipway.Guidance.Gbnf;
using Slipway.Guidance.Json;
using Slipway.Guidance.Regex;

namespace Slipway.Guidance;

/// <summary>The table of the forms in which a grammar can be given.</summary>
internal static class GuidanceKinds
{
    /// <summary>Every form: its name, and how its source is compiled.</summary>
    public static IReadOnlyDictionary<string, Func<string, GrammarElement>> All { get; } =
        new Dictionary<string, Func<string, GrammarElement>>(StringComparer.Ordinal)
        {
            ["regex"] = pattern => PatternElement.Of(new(RegexCompiler.Compile(pattern)), CharacterForm.Plain),
            ["choice"] = ChoiceGrammar.Compile,
            ["gbnf"] = GbnfParser.Parse,
            ["json_schema"] = JsonSchemaGrammar.Compile,
        };
}
