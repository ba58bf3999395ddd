using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Guidance;

namespace Slipway.Tests.Chat;

/// <summary>Tools that are offered, and what guidance makes of them.</summary>
internal static class Offers
{
    public static AIFunctionDeclaration Tool(string name, string schema)
        => AIFunctionFactory.CreateDeclaration(name, null, JsonDocument.Parse(schema).RootElement);

    public static ToolCallGrammar Grammar(
        string format, ChatOptions options, ReasoningFormat? reasoning = null, bool startsInReasoning = false)
        => ToolCallGrammar.From(options, Answers.Format(format), reasoning, startsInReasoning)!;

    public static GrammarAutomaton Automaton(string format, params AITool[] tools)
        => new(Grammar(format, new() { Tools = tools }).ToGuidance("").Grammar());

    public static GuidanceProcessor Processor(
        this ToolCallGrammar grammar, TokenTable table, int end, string prefix = "")
        => new(new(grammar.ToGuidance(prefix).Grammar()), table, [end], null, Encoding.UTF8.GetBytes(prefix));

    /// <summary>Whether a text can come as a whole, or as the beginning of one.</summary>
    public static bool CanBegin(this GrammarAutomaton automaton, string text)
        => Encoding.UTF8.GetBytes(text).Aggregate(
            (GrammarState?)automaton.Start, (state, value) => state is null
                ? null : automaton.Next(state, value)) is not null;
}
